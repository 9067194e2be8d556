from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from storage.history import PastTurn
from tests.unit.console.calling import called, in_store, kept

if TYPE_CHECKING:
    from pathlib import Path

    from storage.sqlite.store import SqliteStore


@pytest.mark.parametrize(("person", "given"), [("", ""), (" ", ""), ("-", "\n"), ("-", ""), ("555", "")])
def test_a_person_that_is_nobody(tmp_path: Path, person: str, given: str) -> None:
    """A handle that is empty or no number is misuse, and nothing of anybody is deleted or even opened."""
    in_store(tmp_path, _turns_of_old)
    result = called("purge", "--person", person, given=given, **kept(tmp_path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--person must be a phone number" in result.stderr
    assert not (tmp_path / "archive").exists()


def test_one_is_counted_as_one(tmp_path: Path) -> None:
    """What the history alone has of a chat is one conversation in the summary."""
    in_store(tmp_path, _turns_of_old)
    result = called("purge", **kept(tmp_path))
    assert (result.exit_code, result.stdout) == (0, "Deleted: 1 conversation.\n")


async def _turns_of_old(store: SqliteStore) -> None:
    at = datetime(2020, 1, 1, tzinfo=UTC)
    await store.history.append("51", "810001", [PastTurn("user", "hello", "en", at)])
