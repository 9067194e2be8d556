"""Retries of a messenger's requests, the only level that retries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_exponential_jitter

from providers.errors import ProviderError, Verdict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tenacity import RetryCallState

RETRY_SECONDS: Final = 30.0
_LONGEST_WAIT_SECONDS: Final = 5.0  # a longer Retry-After is left to the caller
_BACKOFF: Final = wait_exponential_jitter(multiplier=0.2, max=5.0, jitter=0.2)

T = TypeVar("T")


async def retry(work: Callable[..., Awaitable[T]], *args: str, attempts: int, seconds: float = RETRY_SECONDS) -> T:
    """Call a coroutine function (no lambda) until it succeeds, or fails for good, or `seconds` are over."""
    retrying = AsyncRetrying(
        retry=retry_if_exception(_may_be_tried_soon),
        wait=_wait_seconds,
        stop=stop_after_attempt(attempts) | stop_before_delay(seconds),
        reraise=True,
    )
    return await retrying(work, *args)


def _may_be_tried_soon(error: BaseException) -> bool:
    if not isinstance(error, ProviderError) or error.verdict is not Verdict.LATER:
        return False
    return (error.retry_after_seconds or 0) <= _LONGEST_WAIT_SECONDS


def _wait_seconds(retry_state: RetryCallState) -> float:
    error = retry_state.outcome.exception() if retry_state.outcome else None
    seconds = error.retry_after_seconds if isinstance(error, ProviderError) else None
    return _BACKOFF(retry_state) if seconds is None else min(seconds, RETRY_SECONDS)
