"""Circuit breaker of one service.

    closed ──failures──► open ──cool-down──► half-open ──probe succeeded──► closed
                          ▲                      │
                          └─── probe failed ─────┘

Half-open, one real request at a time is the probe. What says nothing about the service (a bug, a cancellation, a wrong
request) is not counted. Without timers and waiting, it needs no lock.
"""

from __future__ import annotations

import random
from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from providers.errors import Forbidden, RateLimited, Rejected, Unauthorized, UnfitAnswer
from runtime.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from providers.errors import ProviderError

FAILURES: Final = 5
"""Failures that open it: so many within the window, and at least half of its calls."""
WINDOW_SECONDS: Final = 60.0
COOL_DOWN_SECONDS: Final = 15.0
"""Length of the first cool-down; doubled after each failed probe."""
LONGEST_SECONDS: Final = 300.0
"""Longest cool-down, even by Retry-After."""
JITTER: Final = 0.2
"""Share of a cool-down left out at random, so that workers do not probe at once."""
_MOST_CALLS: Final = 200  # in the window (I9); beyond that the oldest are forgotten early


class BreakerState(StrEnum):
    """State of a breaker."""

    CLOSED = "closed"
    OPEN = "open"
    """Refuses calls during the cool-down."""
    HALF_OPEN = "half-open"
    """Admits one probe."""


class AdmittedCall:
    """An admitted call; report its end to its breaker."""


class Breaker:
    """Counts a service's failed calls; admits or refuses the next. `chance` is random, 0 to 1."""

    def __init__(self, clock: Callable[[], float], chance: Callable[[], float] = random.random) -> None:  # noqa: S311 (jitter is no secret)
        self._clock = clock
        self._cool_down = Backoff(COOL_DOWN_SECONDS, LONGEST_SECONDS, JITTER, chance)
        self._outcomes: deque[tuple[float, bool]] = deque(maxlen=_MOST_CALLS)  # (end, failed), while closed
        self._open_until: float | None = None  # None while closed
        self._openings = 0  # since a probe last closed it; each lengthens the next cool-down
        self._probe: AdmittedCall | None = None
        self._permanent = False  # until an operator acts

    @property
    def state(self) -> BreakerState:
        """Present state."""
        if self._open_until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._clock() < self._open_until else BreakerState.HALF_OPEN

    def admit(self) -> AdmittedCall | None:
        """Return a call, to be released in the end; None to refuse it."""
        state = self.state
        if state is BreakerState.OPEN or self._probe is not None:
            return None
        call = AdmittedCall()
        if state is BreakerState.HALF_OPEN:
            self._probe = call
        return call

    def release(self, call: AdmittedCall) -> None:
        """End a call that says nothing about the service; no effect after another end."""
        if call is self._probe:
            self._probe = None

    def record_success(self, call: AdmittedCall) -> None:
        """End a successful call."""
        if self._open_until is None:
            self._outcomes.append((self._clock(), False))
        elif call is self._probe and self.state is BreakerState.HALF_OPEN:  # not opened for longer in the meantime
            self._open_until = None
            self._openings = 0
        self.release(call)

    def record_failure(self, call: AdmittedCall, error: ProviderError) -> bool:
        """End a failed call; return whether only an operator can now help."""
        # These are about one request, which people can provoke at will, or which was never made.
        if not isinstance(error, (Rejected, Forbidden, UnfitAnswer)):
            self._count(call, _stay_away_seconds(error))
        self.release(call)
        newly_permanent = isinstance(error, Unauthorized) and not self._permanent
        self._permanent = self._permanent or newly_permanent
        return newly_permanent

    def _count(self, call: AdmittedCall, wait_seconds: float) -> None:
        if self._open_until is None:
            self._outcomes.append((self._clock(), True))
            if wait_seconds or self._too_many():
                self._open(wait_seconds)
        elif call is self._probe:
            self._open(wait_seconds)
        elif wait_seconds:  # it began before the opening; its Retry-After is newer
            self._open_until = max(self._open_until, self._clock() + wait_seconds)

    def _open(self, wait_seconds: float) -> None:
        now, seconds = self._clock(), wait_seconds
        if not wait_seconds or self._open_until is not None or self._too_many():  # else Retry-After alone will do
            seconds = max(seconds, self._cool_down.delay_seconds(self._openings))
            self._openings += 1
        self._open_until = max(now + seconds, self._open_until or now)
        self._permanent = False
        self._outcomes.clear()

    def _too_many(self) -> bool:
        horizon = self._clock() - WINDOW_SECONDS
        while self._outcomes and self._outcomes[0][0] <= horizon:
            self._outcomes.popleft()
        failures = sum(failed for _, failed in self._outcomes)
        return failures >= FAILURES and 2 * failures >= len(self._outcomes)


def _stay_away_seconds(error: ProviderError) -> float:
    if isinstance(error, Unauthorized):
        return LONGEST_SECONDS
    if isinstance(error, RateLimited) and error.retry_after_seconds is not None:
        return min(max(0.0, error.retry_after_seconds), LONGEST_SECONDS)
    return 0.0
