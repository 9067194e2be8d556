"""Attempts: what a messenger may ask again, when, and how often. The one level of retries that there is."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeVar

import aiohttp
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_base, wait_exponential_jitter

from providers.errors import ProviderError, TimedOut, Unreachable, Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tenacity import RetryCallState

RETRY_SECONDS: Final = 30.0
"""How long something is asked again, at most, in seconds."""
_LONGEST_WAIT_SECONDS: Final = 5.0
"""What asks us to wait longer is left to those who can: they park the memo."""

T = TypeVar("T")


async def retried(
    work: Callable[..., Awaitable[T]],
    *args: str,
    attempts: int,
    seconds: float = RETRY_SECONDS,
) -> T:
    """Call a coroutine function until it gives something; not a lambda, for tenacity would not await what that gives.

    Args:
        work: what to call.
        args: for it.
        attempts: how often, at most.
        seconds: after which it is not called again, in seconds.
    """
    retrying = AsyncRetrying(
        retry=retry_if_exception(_may_be_tried_soon),
        wait=_WaitAsAsked(),
        stop=stop_after_attempt(attempts) | stop_before_delay(seconds),
        reraise=True,
    )
    return await retrying(work, *args)


@asynccontextmanager
async def reading(service: str) -> AsyncIterator[None]:
    """Say what goes wrong with a read in words of our own. Raises Unreachable and TimedOut."""
    try:
        yield
    except aiohttp.ClientError as error:
        raise Unreachable(service, type(error).__name__) from error
    except TimeoutError as error:
        raise TimedOut(service) from error


def _may_be_tried_soon(error: BaseException) -> bool:
    if not isinstance(error, ProviderError) or error.verdict is not Verdict.LATER:
        return False
    return (error.retry_after_seconds or 0) <= _LONGEST_WAIT_SECONDS


class _WaitAsAsked(wait_base):
    """Waits as long as the service asked (Retry-After), else exponentially with jitter; in seconds."""

    def __init__(self) -> None:
        self._otherwise = wait_exponential_jitter(multiplier=0.2, max=5.0, jitter=0.2)

    def __call__(self, retry_state: RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        asked = error.retry_after_seconds if isinstance(error, ProviderError) else None
        if asked is None:
            return self._otherwise(retry_state)
        return min(asked, RETRY_SECONDS)
