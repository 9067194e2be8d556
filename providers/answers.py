"""Answers of services: how long they may take to begin, and what an error in the middle of one means."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from providers.deadline import deadline
from providers.errors import BadAnswer, ProviderError, TimedOut, from_status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

T = TypeVar("T")

_STATUSES: Final = range(400, 600)


def told_of(service: str, error: object) -> ProviderError:
    """Map an error that came after the status: routers pass the status of whoever stands behind them on in its code."""
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, int) and code in _STATUSES:
        return from_status(service, code)
    return BadAnswer(service, "told of an error")


def within(service: str, seconds: float) -> AbstractAsyncContextManager[None]:
    """Give a block so many seconds. Raises TimedOut."""
    return deadline(seconds, TimedOut(service))


@asynccontextmanager
async def opened(service: str, seconds: float, request: AbstractAsyncContextManager[T]) -> AsyncIterator[T]:
    """Give an answer as soon as it begins. Raises TimedOut when it has not begun after so many seconds."""
    async with AsyncExitStack() as stack:
        async with within(service, seconds):
            response = await stack.enter_async_context(request)
        yield response
