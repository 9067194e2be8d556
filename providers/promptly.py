"""Promptly: a stream is judged by its first useful piece, and by those that follow, not only by its end.

An open connection that sends nothing useful (headers and no body, empty tokens, digital silence) is a failure as much
as none; found early, it leaves the next rung its time.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

from providers.deadline import deadline
from providers.errors import Stalled

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

T = TypeVar("T")


async def promptly(
    stream: AsyncGenerator[T], *, service: str, seconds: float, useful: Callable[[T], bool]
) -> AsyncGenerator[T]:
    """Pass a stream on, as long as it keeps giving.

    Args:
        stream: closed on every path.
        service: its short name.
        seconds: how long the first useful piece may take, and each further one after it, in seconds. Time that the
            reader takes between two pieces does not count.
        useful: whether a piece is worth having.

    Raises:
        Stalled: there was nothing useful for so long.
    """
    loop = asyncio.get_running_loop()
    left = seconds
    async with aclosing(stream) as pieces:
        begun = loop.time()
        while (piece := await _next(pieces, left, service)) is not None:
            left = seconds if useful(piece) else left - (loop.time() - begun)
            yield piece
            begun = loop.time()


def has_words(piece: str) -> bool:
    """Say whether a piece of text is more than blanks."""
    return not piece.isspace() and bool(piece)


def has_sound(piece: bytes) -> bool:
    """Say whether a piece of PCM is more than digital silence."""
    return any(piece)


async def _next(pieces: AsyncGenerator[T], seconds: float, service: str) -> T | None:
    async with deadline(seconds, Stalled(service)):
        return await anext(pieces, None)
