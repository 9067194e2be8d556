"""Short work that runs to its end in spite of a cancellation."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from typing import Any

P = ParamSpec("P")
T = TypeVar("T")


async def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Finish a coroutine even when cancelled; the cancellation is raised afterwards."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # retrieved, or asyncio would log it as never retrieved
    raise cancelled


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run blocking work in a thread; a cancellation waits for its end."""
    return await run_to_end(asyncio.to_thread(function, *args, **kwargs))


@asynccontextmanager
async def started(start: Coroutine[Any, Any, T], stop: Callable[[T], Coroutine[Any, Any, None]]) -> AsyncIterator[T]:
    """Start something, and stop it after the block, each to its end in spite of a cancellation."""
    made: list[T] = []

    async def keep() -> None:
        made.append(await start)

    try:
        await run_to_end(keep())  # asyncio, cancelled while it starts a program, may leave it running
        yield made[0]
    finally:
        for each in made:
            await run_to_end(stop(each))
