"""Work that runs to its end in spite of a cancellation: it is waited for, and its outcome is not lost."""

from __future__ import annotations

import asyncio
import threading

import pytest

from audio.errors import DecodeFailed
from audio.uncancelled import in_thread, run_to_end
from tests.harness.until import until


async def test_cancelled_work_in_a_thread_is_waited_for() -> None:
    """A cancellation is raised only when the thread has ended, however often it is asked for: nothing is made later."""
    begun, may_end, made = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        may_end.wait()
        made.append(1)

    task = asyncio.create_task(in_thread(work))
    await until(begun.is_set)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert made == [1]


async def test_an_error_of_cancelled_work_is_not_complained_of() -> None:
    """When work fails after its cancellation, the cancellation is what is raised, and the error is not lost noisily."""
    may_end = asyncio.Event()

    async def work() -> None:
        await may_end.wait()
        raise DecodeFailed("too late")

    task = asyncio.create_task(run_to_end(work()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_work_to_the_end_gives_its_result_and_its_error() -> None:
    """Undisturbed, it is no more than the work itself."""

    async def work(*, well: bool) -> int:
        await asyncio.sleep(0)
        if not well:
            raise DecodeFailed("no")
        return 7

    assert await run_to_end(work(well=True)) == 7
    with pytest.raises(DecodeFailed):
        await run_to_end(work(well=False))
