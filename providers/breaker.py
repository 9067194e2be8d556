"""Breaker: spares a service in trouble our requests, and our people the wait for it.

    closed ──failures──► open ──cool-down over──► half-open ──its probe succeeded──► closed
                          ▲                           │
                          └────── its probe failed ───┘

Half-open, one request at a time is let through: a real one, never a copy. What says nothing about the service (a bug,
a cancellation, a request of ours that was wrong) is not counted, and gives the probe to the next. The time comes from a
clock, so there is no timer to stop; no method waits, so on one event loop nothing needs a lock.
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
"""How many calls must have failed within the window, being at least half of those that ended in it."""
WINDOW_SECONDS: Final = 60.0
COOL_DOWN_SECONDS: Final = 15.0
"""How long the first opening lasts, less the jitter; twice as long after each probe that failed."""
LONGEST_SECONDS: Final = 300.0
"""How long any opening lasts at most; and one for a fault that only an operator can mend."""
JITTER: Final = 0.2
"""The share of a cool-down that may be left out, so that workers do not all probe at once."""
_MOST_CALLS: Final = 200
"""How many calls the window holds at most (I9); above that the oldest are forgotten before their time."""


class State(StrEnum):
    """What a breaker does with the next call."""

    CLOSED = "closed"
    """Let it through."""
    OPEN = "open"
    """Keep it out: the cool-down runs."""
    HALF_OPEN = "half-open"
    """Let it through as the probe, unless another call is the probe already."""


class Call:
    """A call that was let through: known by its identity, and to be ended by the breaker that gave it."""


class Breaker:
    """Counts how a service's calls end, and says whether the next may be made.

    Args:
        clock: seconds from a point of its own.
        chance: gives a number from 0 to 1, for the jitter.
    """

    def __init__(self, clock: Callable[[], float], chance: Callable[[], float] = random.random) -> None:  # noqa: S311 (jitter is no secret)
        self._clock = clock
        self._cool_down = Backoff(COOL_DOWN_SECONDS, LONGEST_SECONDS, JITTER, chance)
        self._ended: deque[tuple[float, bool]] = deque(maxlen=_MOST_CALLS)
        """When each call ended, and whether it failed; only while closed."""
        self._open_until: float | None = None
        """None while closed."""
        self._openings = 0
        """Since it was last closed by a probe; each makes the next cool-down longer."""
        self._probe: Call | None = None
        self._permanent = False
        """Whether this opening is for a fault that only an operator can mend."""

    @property
    def state(self) -> State:
        """What it does now."""
        if self._open_until is None:
            return State.CLOSED
        return State.OPEN if self._clock() < self._open_until else State.HALF_OPEN

    def admit(self) -> Call | None:
        """Let a call through, or not (None). Whoever is let through tells how it ended, in the end by let_go()."""
        state = self.state
        if state is State.OPEN or self._probe is not None:
            return None
        call = Call()
        if state is State.HALF_OPEN:
            self._probe = call
        return call

    def let_go(self, call: Call) -> None:
        """End a call that says nothing about the service; after any other end it changes nothing."""
        if call is self._probe:
            self._probe = None

    def succeeded(self, call: Call) -> None:
        """End a call in which the service did its part; once open, only the probe's word counts."""
        if self._open_until is None:
            self._ended.append((self._clock(), False))
        elif call is self._probe and self.state is State.HALF_OPEN:  # unless told meanwhile to stay away for longer
            self._open_until = None
            self._openings = 0
        self.let_go(call)

    def failed(self, call: Call, error: ProviderError) -> bool:
        """End a call by what the service did wrong, if it was the service.

        Returns:
            Whether it is shut from now on for what only an operator can mend, and was not before.
        """
        # These are about this request, which somebody may make at will, or we did not even ask.
        if not isinstance(error, (Rejected, Forbidden, UnfitAnswer)):
            self._count(call, _stay_away_seconds(error))
        self.let_go(call)
        return isinstance(error, Unauthorized) and self._is_news()

    def _count(self, call: Call, asked_seconds: float) -> None:
        if self._open_until is None:
            self._ended.append((self._clock(), True))
            if asked_seconds or self._too_many():
                self._open(asked_seconds)
        elif call is self._probe:
            self._open(asked_seconds)
        elif asked_seconds:  # it began before the opening, and knows better how long to stay away
            self._open_until = max(self._open_until, self._clock() + asked_seconds)

    def _open(self, asked_seconds: float) -> None:
        """Open, or open anew. One answer that says how long to stay away needs no cool-down of ours beside it."""
        now, seconds = self._clock(), asked_seconds
        if not asked_seconds or self._open_until is not None or self._too_many():
            seconds = max(seconds, self._cool_down.delay_seconds(self._openings))
            self._openings += 1
        self._open_until = max(now + seconds, self._open_until or now)
        self._permanent = False
        self._ended.clear()

    def _too_many(self) -> bool:
        horizon = self._clock() - WINDOW_SECONDS
        while self._ended and self._ended[0][0] <= horizon:
            self._ended.popleft()
        failures = sum(failed for _, failed in self._ended)
        return failures >= FAILURES and 2 * failures >= len(self._ended)

    def _is_news(self) -> bool:
        known, self._permanent = self._permanent, True
        return not known


def _stay_away_seconds(error: ProviderError) -> float:
    """Read how long an error says to stay away, in seconds: 0 when it does not say."""
    if isinstance(error, Unauthorized):
        return LONGEST_SECONDS
    if isinstance(error, RateLimited) and error.retry_after_seconds is not None:
        return min(max(0.0, error.retry_after_seconds), LONGEST_SECONDS)
    return 0.0
