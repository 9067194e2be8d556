"""Circuit breaker: spares a failing service our requests, and people the wait for it.

    closed ──failures──► open ──cool-down over──► half-open ──probe succeeded──► closed
                          ▲                           │
                          └──────── probe failed ─────┘

Half-open, one real request at a time is let through as the probe. A call that says nothing about the service (a bug, a
cancellation, a wrong request of ours) is not counted, and frees the probe. There is no timer, and no method waits, so
nothing needs a lock.
"""

from __future__ import annotations

import random
from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from providers.errors import Forbidden, RateLimited, Rejected, Unauthorized, UnfitAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from providers.errors import ProviderError

FAILURES: Final = 5
"""Failed calls within the window that open it, if they are at least half of all."""
WINDOW_SECONDS: Final = 60.0
COOL_DOWN_SECONDS: Final = 15.0
"""Of the first opening, less the jitter; doubled after each failed probe."""
LONGEST_SECONDS: Final = 300.0
"""Of any opening, and of one that only an operator can mend."""
JITTER: Final = 0.2
"""The share of a cool-down that may be left out, so that workers do not probe all at once."""
_MOST_CALLS: Final = 200  # in the window (I9); beyond that the oldest are forgotten early


class State(StrEnum):
    """What a breaker does with the next call."""

    CLOSED = "closed"
    """Let it through."""
    OPEN = "open"
    """Keep it out during the cool-down."""
    HALF_OPEN = "half-open"
    """Let it through as the probe, unless there is one."""


class Call:
    """A call that was let through; its breaker must be told how it ended."""


class Breaker:
    """Counts failed calls to a service, and admits or refuses the next.

    Args:
        clock: in seconds.
        chance: random number from 0 to 1, for the jitter.
    """

    def __init__(self, clock: Callable[[], float], chance: Callable[[], float] = random.random) -> None:  # noqa: S311 (jitter is no secret)
        self._clock = clock
        self._chance = chance
        self._outcomes: deque[tuple[float, bool]] = deque(maxlen=_MOST_CALLS)
        """(end of the call, whether it failed); only while closed."""
        self._open_until: float | None = None
        """None while closed."""
        self._next_cool_down_seconds = COOL_DOWN_SECONDS
        self._probe: Call | None = None
        self._permanent = False
        """Whether only an operator can mend this opening."""

    @property
    def state(self) -> State:
        """Its present state."""
        if self._open_until is None:
            return State.CLOSED
        return State.OPEN if self._clock() < self._open_until else State.HALF_OPEN

    def admit(self) -> Call | None:
        """Return a call to be made and, in the end, released; None to refuse it."""
        state = self.state
        if state is State.OPEN or self._probe is not None:
            return None
        call = Call()
        if state is State.HALF_OPEN:
            self._probe = call
        return call

    def release(self, call: Call) -> None:
        """End a call that says nothing about the service; no effect after another end."""
        if call is self._probe:
            self._probe = None

    def succeeded(self, call: Call) -> None:
        """End a call that the service answered; once open, only the probe counts."""
        if self._open_until is None:
            self._outcomes.append((self._clock(), False))
        elif call is self._probe and self.state is State.HALF_OPEN:  # unless told meanwhile to stay away for longer
            self._open_until = None
            self._next_cool_down_seconds = COOL_DOWN_SECONDS
        self.release(call)

    def failed(self, call: Call, error: ProviderError) -> bool:
        """End a call that failed, and count it if the service is to blame.

        Returns:
            Whether this opened it for a fault that only an operator can mend.
        """
        # These are about this request, which somebody may make at will, or we did not even ask.
        if not isinstance(error, (Rejected, Forbidden, UnfitAnswer)):
            self._count(call, _stay_away_seconds(error))
        self.release(call)
        return isinstance(error, Unauthorized) and self._is_newly_permanent()

    def _count(self, call: Call, asked_seconds: float) -> None:
        if self._open_until is None:
            self._outcomes.append((self._clock(), True))
            if asked_seconds or self._too_many():
                self._open(asked_seconds)
        elif call is self._probe:
            self._open(asked_seconds)
        elif asked_seconds:  # it began before the opening, and knows better how long to stay away
            self._open_until = max(self._open_until, self._clock() + asked_seconds)

    def _open(self, asked_seconds: float) -> None:
        """Open, or open anew; a single Retry-After needs no cool-down of ours on top."""
        now, seconds = self._clock(), asked_seconds
        if not asked_seconds or self._open_until is not None or self._too_many():
            seconds = max(seconds, self._next_cool_down_seconds * (1 - JITTER * self._chance()))
            self._next_cool_down_seconds = min(2 * self._next_cool_down_seconds, LONGEST_SECONDS)
        self._open_until = max(now + seconds, self._open_until or now)
        self._permanent = False
        self._outcomes.clear()

    def _too_many(self) -> bool:
        horizon = self._clock() - WINDOW_SECONDS
        while self._outcomes and self._outcomes[0][0] <= horizon:
            self._outcomes.popleft()
        failures = sum(failed for _, failed in self._outcomes)
        return failures >= FAILURES and 2 * failures >= len(self._outcomes)

    def _is_newly_permanent(self) -> bool:
        known, self._permanent = self._permanent, True
        return not known


def _stay_away_seconds(error: ProviderError) -> float:
    """Return how long an error asks us to stay away; 0 if it does not say."""
    if isinstance(error, Unauthorized):
        return LONGEST_SECONDS
    if isinstance(error, RateLimited) and error.retry_after_seconds is not None:
        return min(max(0.0, error.retry_after_seconds), LONGEST_SECONDS)
    return 0.0
