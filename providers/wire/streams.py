"""Time limits of streamed answers, and errors inside them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from providers.errors import BadAnswer, ProviderError, Stalled, TimedOut, from_status
from providers.fallback.deadline import deadline

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

T = TypeVar("T")

_REFUSALS: Final = range(400, 600)


def time_limit(service: str, seconds: float) -> AbstractAsyncContextManager[None]:
    """Limit a block. Raises TimedOut."""
    return deadline(seconds, TimedOut(service))


@asynccontextmanager
async def open_response(service: str, seconds: float, request: AbstractAsyncContextManager[T]) -> AsyncIterator[T]:
    """Enter a request. Raises TimedOut when its answer does not begin in time."""
    async with AsyncExitStack() as stack:
        async with time_limit(service, seconds):
            response = await stack.enter_async_context(request)
        yield response


def error_in_answer(service: str, error: object) -> ProviderError:
    """Map an error object in a successful answer, whose code may be an upstream's status."""
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, int) and code in _REFUSALS:
        return from_status(service, code)
    return BadAnswer(service, "an error instead of an answer")


async def guard_stalls(
    stream: AsyncGenerator[T], *, service: str, seconds: float, useful: Callable[[T], bool]
) -> AsyncGenerator[T]:
    """Pass a stream on while useful pieces keep coming; close it on every path.

    Headers without a body, empty tokens, digital silence: an open connection without content is as bad as none. The
    reader's own time does not count.

    Raises:
        Stalled: nothing useful for so many seconds.
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
    """Return whether there is more than blanks."""
    return not piece.isspace() and bool(piece)


def has_sound(piece: bytes) -> bool:
    """Return whether there is more than digital silence."""
    return any(piece)


async def _next(pieces: AsyncGenerator[T], seconds: float, service: str) -> T | None:
    async with deadline(seconds, Stalled(service)):
        return await anext(pieces, None)
