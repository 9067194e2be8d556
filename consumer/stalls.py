"""Stalls: how late the event loop is, felt by the loop itself many times a second.

The watchdog looks from outside, once a second, for a loop that is stuck. This one looks for what people would feel: a
few dozen milliseconds in which nobody is served.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

INTERVAL_SECONDS: Final = 0.02
_MOST_MISSED: Final = 1000


class Stalls:
    """Looks while its block runs.

    Args:
        listeners: called on the loop with how late it was at a look, in seconds. A look that the loop has missed counts
            as well, with as late as it would have been: else a long stall would weigh no more than a short one.
        interval_seconds: between two looks.
    """

    def __init__(self, *listeners: Callable[[float], None], interval_seconds: float = INTERVAL_SECONDS) -> None:
        self._listeners = listeners
        self._interval_seconds = interval_seconds
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        """Look later; a timer costs a third of what a task that sleeps does, 50 times a second."""
        loop = asyncio.get_running_loop()
        self._due = loop.time() + self._interval_seconds
        self._timer = loop.call_at(self._due, self._look)

    def _look(self) -> None:
        late = asyncio.get_running_loop().time() - self._due
        self._wait()
        self._tell(max(0.0, late))

    def _tell(self, late: float) -> None:
        for missed in range(_MOST_MISSED):
            seconds = late - missed * self._interval_seconds
            if missed and seconds <= 0:
                return
            for listener in self._listeners:
                listener(seconds)
