"""The limit of bugs, past which a worker stops before it drains the topic (I8); and where a bug happened."""

from __future__ import annotations

import hashlib
import time
import traceback
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_WINDOW_SECONDS = 60.0


class TooManyBugs(Exception):
    """More memos than the limit met a bug within a minute."""


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


def where(bug: BaseException) -> list[str]:
    """Return a bug's frames without its message, which may repeat what a person said (I6)."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(bug.__traceback__)]


def digest(bug: BaseException) -> str:
    """Return a hash of a bug's type and frames."""
    trace = "\n".join([type(bug).__name__, *where(bug)])
    return hashlib.sha256(trace.encode()).hexdigest()[:12]
