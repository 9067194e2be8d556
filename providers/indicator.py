"""Typing indicator."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@asynccontextmanager
async def show_typing(
    start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]], *, refresh_seconds: float
) -> AsyncIterator[None]:
    """Show it while the block runs, without delaying the block; hide it on every path.

    `start`, which is repeated, and `stop` must not raise.
    """
    refreshing = asyncio.create_task(_show(start, refresh_seconds), name="typing")
    try:
        yield
    finally:
        refreshing.cancel()
        # Shielded: typing is taken back although the block is being cancelled.
        await asyncio.shield(asyncio.ensure_future(_hide(refreshing, stop)))


async def _show(start: Callable[[], Awaitable[None]], refresh_seconds: float) -> None:
    while True:
        await start()
        await asyncio.sleep(refresh_seconds)


async def _hide(refreshing: asyncio.Task[None], stop: Callable[[], Awaitable[None]]) -> None:
    await asyncio.gather(refreshing, return_exceptions=True)
    await stop()
