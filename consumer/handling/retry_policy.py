"""When an undelivered memo is tried again, and when it is given up. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runtime.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Delays that double until the memo is too old."""

    for_seconds: float  # age at which a memo is given up, since it was received or revived
    first_seconds: float = 1.0
    longest_seconds: float = 60.0
    jitter: Callable[[], float] = field(default=random.random, repr=False)  # noqa: S311 (jitter)

    def delay_seconds(self, tries: int, *, asked_seconds: float = 0.0) -> float:
        """Return the next delay, half of it random; at least Retry-After, at most the longest."""
        delay_seconds = Backoff(self.first_seconds, self.longest_seconds, random=self.jitter).delay_seconds(tries)
        return max(delay_seconds, min(asked_seconds, self.longest_seconds))

    def given_up(self, age_seconds: float) -> bool:
        """Return whether a memo is too old for another try."""
        return age_seconds >= self.for_seconds
