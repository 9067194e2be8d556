"""A deadline turns its own end into the error that it was given, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from providers.errors import TimedOut
from providers.fallback.deadline import deadline
from tests.harness.virtual_time import in_virtual_time


def seconds_now() -> float:
    """The loop's time, in seconds since it began."""
    return asyncio.get_running_loop().time()


@in_virtual_time
async def test_in_time() -> None:
    """A block that ends in time is left alone, and nothing of the deadline is left behind."""
    async with deadline(2, TimedOut("x")):
        await asyncio.sleep(1.9)
    await asyncio.sleep(9)


@pytest.mark.parametrize("seconds", [2.0, 0.0, -1.0])
@in_virtual_time
async def test_too_late(seconds: float) -> None:
    """When the seconds are over, the error is raised, from the TimeoutError; no seconds are over at once."""
    error = TimedOut("x")
    with pytest.raises(TimedOut) as raised:
        async with deadline(seconds, error):
            await asyncio.sleep(9)
    assert raised.value is error
    assert type(error.__cause__) is TimeoutError
    assert seconds_now() == max(0.0, seconds)


@in_virtual_time
async def test_another_timeout() -> None:
    """A TimeoutError of the block's own is none of the deadline's, and passes through unchanged."""
    own = TimeoutError("of the block")
    with pytest.raises(TimeoutError, match="of the block") as raised:
        async with deadline(2, TimedOut("x")):
            raise own
    assert raised.value is own
    assert own.__cause__ is None


@in_virtual_time
async def test_another_error() -> None:
    """Whatever else the block raises passes through, StopAsyncIteration included."""
    for own in (KeyError("k"), StopAsyncIteration()):
        with pytest.raises(type(own)) as raised:
            async with deadline(2, TimedOut("x")):
                raise own
        assert raised.value is own


@in_virtual_time
async def test_cancelled() -> None:
    """A cancellation from outside passes through as one, though the deadline had seconds left."""

    async def block() -> None:
        async with deadline(2, TimedOut("x")):
            await asyncio.sleep(9)

    task = asyncio.create_task(block())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert seconds_now() == 1


@in_virtual_time
async def test_one_in_another() -> None:
    """Of two deadlines, one in the other, each gives its own error."""
    for inner, outer, whose in ((1, 2, "inner"), (2, 1, "outer")):
        with pytest.raises(TimedOut) as raised:
            async with deadline(outer, TimedOut("outer")), deadline(inner, TimedOut("inner")):
                await asyncio.sleep(9)
        assert raised.value.service == whose
