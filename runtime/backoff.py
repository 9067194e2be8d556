"""Delays between tries that double up to a cap, with jitter."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_DOUBLINGS = 32  # keeps the power small


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off; tenacity's waits add their jitter on top of the cap."""

    first_seconds: float
    longest_seconds: float
    jitter: float = 0.5
    """The largest share of a delay that chance takes off, 0 to 1."""
    random: Callable[[], float] = field(default=random.random, repr=False)  # noqa: S311 (jitter guards nothing)

    def delay_seconds(self, failures: int) -> float:
        """Return the delay after so many earlier failures."""
        whole = min(self.longest_seconds, self.first_seconds * 2.0 ** min(failures, _MOST_DOUBLINGS))
        return whole * (1 - self.jitter * self.random())
