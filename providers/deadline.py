"""Deadline: so many seconds for a block, and an error of our own when they are over."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def deadline(seconds: float, error: Exception) -> AsyncIterator[None]:
    """Give a block so many seconds.

    Only this deadline's own end becomes the error. A TimeoutError that the block raises by itself passes through as it
    is, and so does a cancellation.

    Args:
        seconds: for the block, in seconds.
        error: raised, from the TimeoutError, when they are over; a fresh one each time.
    """
    scope = asyncio.timeout(seconds)
    try:
        async with scope:
            yield
    except TimeoutError as late:
        if scope.expired():
            raise error from late
        raise
