"""Budget: one deadline for the whole memo, shared out between its steps.

Each step gets a part of what is left when its turn comes, so a quick one leaves its time to those that follow, and a
slow one takes it from nobody but itself. When nothing is left each ladder goes straight to its last rung.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

FETCH: Final = 0.4
HEAR: Final = 0.5
ANSWER: Final = 0.5
SPEAK: Final = 0.9
KEEP: Final = 1.0
"""What a step gets of what is left when its turn comes."""

DEADLINE_SECONDS: Final = 30.0
_SEND_SECONDS: Final = 3.0
_SEND_SHARE: Final = 0.1
"""What is kept back for the send: so many seconds, or this share of a deadline that is short."""


class Budget:
    """What is left of a memo's deadline.

    Args:
        seconds: for the whole memo, from now, in seconds.
        clock: seconds from a point of its own.
    """

    def __init__(self, seconds: float = DEADLINE_SECONDS, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds - min(_SEND_SECONDS, _SEND_SHARE * seconds)

    def part(self, share: float) -> float:
        """Give a step's part of what is left before the send, in seconds; never less than 0."""
        return share * max(0.0, self._end - self._clock())
