"""The tests' one way to wait."""

from __future__ import annotations

import itertools

import pytest

from tests.harness.until import until


async def test_value_of_the_condition_is_returned() -> None:
    """It polls until the value is true, whether the condition is plain or async."""
    plain, slow = itertools.count(), itertools.count()

    async def later() -> int:
        return next(slow)

    assert await until(lambda: next(plain) - 2, pause_seconds=0) == -2
    assert await until(later, pause_seconds=0) == 1


async def test_failure_says_what_was_waited_for() -> None:
    """A condition that never holds fails in its time, with its words or its source."""
    with pytest.raises(AssertionError, match=r"waited 0\.01 s in vain: a reply"):
        await until(lambda: False, "a reply", seconds=0.01)
    with pytest.raises(AssertionError, match=r"lambda: \[\] or \(\)"):
        await until(lambda: [] or (), seconds=0.01)
    with pytest.raises(AssertionError, match="built-in"):
        await until({}.values, seconds=0.01)
