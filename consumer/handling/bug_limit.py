"""The limit of bugs, past which a worker stops before it drains the topic (I8)."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_WINDOW_SECONDS = 60.0


class TooManyBugs(Exception):
    """Too many memos met a bug within a minute."""


class BugLimit:
    """Counts bugs in a sliding minute."""

    def __init__(self, limit: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._times: deque[float] = deque(maxlen=limit + 1)

    def count(self) -> None:
        """Count one more. Raises TooManyBugs past the limit."""
        now = self._clock()
        self._times.append(now)
        while self._times[0] < now - _WINDOW_SECONDS:
            self._times.popleft()
        if len(self._times) > self._limit:
            raise TooManyBugs(
                f"{len(self._times)} memos met a bug within {_WINDOW_SECONDS:.0f} s; see their tracebacks"
            )
