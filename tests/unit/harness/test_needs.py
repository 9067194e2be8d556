"""What is missing on a developer's machine is skipped, and fails in CI."""

from __future__ import annotations

import sys

import pytest

from tests.harness import needs


def test_missing_program_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without CI the test that needs it is skipped, and the reason names it."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program"):
        needs.program("no-such-program")


def test_missing_program_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under CI=true the same is a failure: a proof that silently did not run would be none."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-program"):
        needs.program("no-such-program")


def test_first_program_that_is_installed() -> None:
    """Of several names for one thing the first that is there is taken."""
    assert needs.program("no-such-program", sys.executable) == sys.executable
