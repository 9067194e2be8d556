"""Lag of the event loop, measured on the loop itself many times a second."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL_SECONDS: Final = 0.02
_MOST_MISSED: Final = 1000


class LoopLag:
    """Measures while its block runs.

    Args:
        listeners: called on the loop with each lag, in seconds; also with those that a missed measurement would have
            found, so that a long stall weighs more than a short one.
        interval_seconds: between two measurements.
    """

    def __init__(self, *listeners: Callable[[float], None], interval_seconds: float = INTERVAL_SECONDS) -> None:
        self._listeners = listeners
        self._interval_seconds = interval_seconds
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._schedule()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _schedule(self) -> None:
        # At 50 a second, a timer costs a third of a task that sleeps.
        loop = asyncio.get_running_loop()
        self._due = loop.time() + self._interval_seconds
        self._timer = loop.call_at(self._due, self._measure)

    def _measure(self) -> None:
        late = asyncio.get_running_loop().time() - self._due
        self._schedule()
        self._report(max(0.0, late))

    def _report(self, late: float) -> None:
        for missed in range(_MOST_MISSED):
            seconds = late - missed * self._interval_seconds
            if missed and seconds <= 0:
                return
            for listener in self._listeners:
                listener(seconds)
