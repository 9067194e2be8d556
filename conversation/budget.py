"""Budget: one deadline for a whole reply; each step gets a share of what is left when its turn comes."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# Shares of what is left when a step begins.
FETCH: Final = 0.4
HEAR: Final = 0.5
ANSWER: Final = 0.5
SPEAK: Final = 0.9
KEEP: Final = 1.0

DEADLINE_SECONDS: Final = 30.0
# What is kept back for the send: so many seconds, or this share of a deadline that is short.
_SEND_SECONDS: Final = 3.0
_SEND_SHARE: Final = 0.1


class Budget:
    """What is left of a deadline, `seconds` from now."""

    def __init__(self, seconds: float = DEADLINE_SECONDS, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds - min(_SEND_SECONDS, _SEND_SHARE * seconds)

    def share(self, share: float) -> float:
        """Return a share of the seconds left before the send, at least 0."""
        return share * max(0.0, self._end - self._clock())
