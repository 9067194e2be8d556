"""Deadline with an error of ours."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def deadline(seconds: float, error: Exception) -> AsyncIterator[None]:
    """Limit a block to so many seconds, and raise the (fresh) error after them.

    A cancellation, or a TimeoutError of the block itself, passes through.
    """
    scope = asyncio.timeout(seconds)
    try:
        async with scope:
            yield
    except TimeoutError as late:
        if scope.expired():
            raise error from late
        raise
