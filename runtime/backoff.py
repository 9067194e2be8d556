"""Backoff: delays between tries that double up to a cap, with jitter."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_DOUBLINGS = 32
"""More would make any first delay the longest one; the bound keeps the power small."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off (tenacity's waits add their jitter on top of the cap, so they do not fit)."""

    first_seconds: float
    longest_seconds: float
    jitter: float = 0.5
    """The largest share of a delay that chance may take off, from 0 to 1, so that not all come back at once."""
    random: Callable[[], float] = field(default=random.random, repr=False)  # noqa: S311 (jitter guards nothing)
    """Returns a number from 0 (the whole delay) to 1."""

    def delay_seconds(self, failures: int) -> float:
        """Return how long to wait after so many earlier failures, in seconds."""
        whole = min(self.longest_seconds, self.first_seconds * 2.0 ** min(failures, _MOST_DOUBLINGS))
        return whole * (1 - self.jitter * self.random())
