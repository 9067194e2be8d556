"""What a ladder promises; its breakers have tests of their own."""

from __future__ import annotations

import asyncio

import pytest

from providers.errors import LadderExhausted, RateLimited, Unavailable
from providers.fallback.ladder import Ladder, Rung
from tests.harness.virtual_time import in_virtual_time


async def _works(word: str) -> str:
    return word.upper()


async def _limited(_: str) -> str:
    raise RateLimited("first", status=429)


async def _hangs(word: str) -> str:
    await asyncio.Event().wait()
    return word


async def _slow(word: str) -> str:
    await asyncio.sleep(3)
    return word


async def _buggy(word: str) -> str:
    raise KeyError(word)


def _ladder(*rungs: Rung[[str], str], budget_seconds: float = 5.0) -> Ladder[[str], str]:
    return Ladder("hear", *rungs, budget_seconds=budget_seconds)


async def test_first_rung_that_works_serves() -> None:
    """The first rung's value is given, with its name, and no other rung is asked."""
    served = await _ladder(Rung("first", _works, 1), Rung("second", _buggy, 1))("hello")
    assert (served.value, served.rung) == ("HELLO", "first")
    assert [(attempt.rung, attempt.error) for attempt in served.attempts] == [("first", None)]


async def test_provider_error_moves_on() -> None:
    """A ProviderError means the next rung, and the story keeps why the first one fell."""
    served = await _ladder(Rung("first", _limited, 1), Rung("second", _works, 1))("hello")
    assert served.rung == "second"
    assert [attempt.error for attempt in served.attempts] == ["rate-limited", None]


async def test_rung_deadline_moves_on() -> None:
    """A rung that outlives its own deadline is left for the next one."""
    served = await _ladder(Rung("first", _hangs, 0.01), Rung("second", _works, 1))("hello")
    assert [attempt.error for attempt in served.attempts] == ["timed-out", None]


@in_virtual_time
async def test_spent_budget_leaves_the_last_rung() -> None:
    """When the budget has run out, the rungs between are passed over; the last is tried, under its own deadline."""
    rungs = Rung("first", _hangs, 9), Rung("second", _works, 9, min_seconds=2.1), Rung("last", _slow, 9)
    served = await _ladder(*rungs, budget_seconds=5)("hello")
    assert [(attempt.rung, attempt.error) for attempt in served.attempts] == [
        ("first", "timed-out"),
        ("second", "no-time"),
        ("last", None),
    ]
    assert asyncio.get_running_loop().time() == pytest.approx(3 + 3)


@in_virtual_time
async def test_a_hanging_rung_leaves_time_for_the_next() -> None:
    """A rung that others follow has no more than its turn, so that the second service is asked before the last rung."""
    rungs = Rung("first", _hangs, 9), Rung("second", _slow, 9), Rung("last", _works, 9)
    served = await _ladder(*rungs, budget_seconds=10)("hello")
    assert [(attempt.rung, attempt.error) for attempt in served.attempts] == [("first", "timed-out"), ("second", None)]


@in_virtual_time
async def test_ladder_ends() -> None:
    """A ladder whose last rung hangs takes no longer than its budget and that rung's deadline together."""
    with pytest.raises(LadderExhausted) as exhausted:
        await _ladder(Rung("first", _hangs, 9), Rung("last", _hangs, 9), budget_seconds=5)("hello")
    assert [attempt.error for attempt in exhausted.value.attempts] == ["timed-out", "timed-out"]
    assert asyncio.get_running_loop().time() == pytest.approx(5 + 9)


async def test_all_rungs_fallen() -> None:
    """When every rung fell, the error tells each one's reason and nothing of what was said."""
    with pytest.raises(LadderExhausted) as exhausted:
        await _ladder(Rung("first", _limited, 1), Rung("second", _limited, 1))("secret words")
    assert str(exhausted.value) == "hear: exhausted first=rate-limited, second=rate-limited"


@pytest.mark.parametrize("error", [KeyError("bug"), TimeoutError("not the rung's own"), OSError("disk")])
async def test_bugs_pass_through(error: Exception) -> None:
    """An error that is no ProviderError never looks like an outage: it passes through, and no rung follows."""
    asked: list[str] = []

    async def broken(_: str) -> str:
        raise error

    async def next_one(word: str) -> str:
        asked.append(word)
        return word

    with pytest.raises(type(error)):
        await _ladder(Rung("first", broken, 1), Rung("second", next_one, 1))("hello")
    assert not asked


async def test_cancellation_passes_through() -> None:
    """Cancelling the climb cancels the rung and asks no other."""
    climbing = asyncio.create_task(_ladder(Rung("first", _hangs, 9), Rung("second", _works, 9))("hello"))
    await asyncio.sleep(0)
    climbing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await climbing


def test_verdicts_are_born_with_errors() -> None:
    """An error says for itself what to do about it."""
    assert Unavailable("x").verdict == "later"


def test_rungs_have_names_of_their_own() -> None:
    """Two rungs of one name would share a breaker, and metrics could not tell them apart."""
    with pytest.raises(ValueError, match="two rungs of one name in the ladder hear"):
        _ladder(Rung("first", _works, 1), Rung("first", _works, 1))
