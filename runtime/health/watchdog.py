"""Watchdog: a thread that acts when the event loop is blocked or polls stop; its last resort is to end the process.

Code that holds the GIL, as a runaway regular expression does, stops this thread too: only a probe from outside helps.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Self

from runtime.health.escalation import DumpStacks, End, Escalation, Reading, Rebuild

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

EXIT_STATUS: Final = 70
"""EX_SOFTWARE of sysexits.h."""

_LAG_WINDOW_SECONDS = 60.0
_WRITE_SECONDS = 5.0
"""Time for standard error to take a dump."""
_JOIN_SECONDS = _WRITE_SECONDS + 1.0
_STDERR = 2
_MOST_STACKS_BYTES = 1024 * 1024


def end_process(reason: str) -> None:
    """Write the reason and all stacks to standard error, then exit at once with EXIT_STATUS."""
    try:
        write_stacks(f"{reason}: the process ends itself with status {EXIT_STATUS}")
    finally:
        # No orderly end: it would need the loop that is stuck. Ledger and group know which memos were in progress.
        os._exit(EXIT_STATUS)


def write_stacks(line: str) -> None:
    """Write a line and the stacks of all threads to standard error, within five seconds or not at all."""
    # Neither through logging, whose lock a stuck thread may hold, nor from this thread, as standard error may block.
    text = f"voicememo watchdog: {line}\n".encode() + _stacks()
    writer = threading.Thread(target=_write, args=(text,), name="watchdog-writer", daemon=True)
    with contextlib.suppress(RuntimeError):  # no thread can be started
        writer.start()
        writer.join(_WRITE_SECONDS)


def _stacks() -> bytes:
    # No local variables, which hold what people said (I6). faulthandler writes with the GIL held: into a pipe that
    # drops what does not fit, so that it never waits.
    try:
        reading, writing = os.pipe()
    except OSError:
        return b"(no stacks: too many files are open)\n"
    try:
        os.set_blocking(writing, False)
        faulthandler.dump_traceback(writing, all_threads=True)
        return os.read(reading, _MOST_STACKS_BYTES)
    finally:
        os.close(writing)
        os.close(reading)


def _write(text: bytes) -> None:
    with contextlib.suppress(OSError):  # the reader has gone
        while text:
            text = text[os.write(_STDERR, text) :]


class Watchdog:
    """Watches an event loop and a consumer from a daemon thread; a context manager.

    `rebuild`, which rebuilds the consumer, is called on the loop; `dump`, which writes a line and the stacks, and
    `last_word`, which ends the process, are called by the thread.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        stale_after_seconds: float,
        rebuild: Callable[[], None],
        loop_stall_seconds: float = 30.0,
        dump: Callable[[str], None] = write_stacks,
        last_word: Callable[[str], None] = end_process,
        clock: Callable[[], float] = time.monotonic,
        interval_seconds: float = 1.0,
    ) -> None:
        self._loop = loop
        self._stale_after_seconds = stale_after_seconds
        self._loop_stall_seconds = loop_stall_seconds
        self._rebuild = rebuild
        self._dump = dump
        self._last_word = last_word
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._escalation = Escalation(stale_after_seconds=stale_after_seconds, loop_stall_seconds=loop_stall_seconds)
        self.phase = "starting"
        """Phase of the worker."""
        self._polled_at = clock()
        self._lock = threading.Lock()
        self._pinged_at: float | None = None
        self._lags: deque[tuple[float, float]] = deque()
        """Times and lengths, ever shorter: the first is the longest."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the thread, which counts as a poll; possible once."""
        self.beat()
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, within six seconds; idempotent."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_SECONDS)

    def beat(self) -> None:
        """Note a poll."""
        self._polled_at = self._clock()

    @property
    def seconds_since_poll(self) -> float:
        """Seconds since the last poll."""
        return self._clock() - self._polled_at

    @property
    def longest_loop_lag_seconds(self) -> float:
        """The longest lag of the last minute."""
        with self._lock:
            self._forget_old_lags()
            return max(self._lags[0][1] if self._lags else 0.0, self._blocked_seconds())

    def note_lag(self, seconds: float) -> None:
        """Note a lag that the loop measured itself; pings, a second apart, miss short ones."""
        with self._lock:
            self._forget_old_lags()
            while self._lags and self._lags[-1][1] <= seconds:
                self._lags.pop()
            self._lags.append((self._clock(), seconds))

    def why_unwell(self) -> str | None:
        """Return in a line why the worker is not healthy; None when it is."""
        # Old memos do not count: they may wait for a store that is away, where a restart would not help.
        reading = self._reading()
        if reading.blocked_seconds > self._loop_stall_seconds:
            return reading.loop_reason
        if reading.silent_seconds > self._stale_after_seconds and reading.polls_expected:
            return reading.polls_reason
        return None

    def _watch(self) -> None:
        while not self._stopping.is_set() and self._look():
            self._stopping.wait(self._interval_seconds)

    def _look(self) -> bool:
        """Measure and act once; return whether there is still something to watch."""
        if self._loop.is_closed():  # its answer will never come
            return False
        action = self._escalation.judge(self._clock(), self._reading())
        if isinstance(action, End):
            self._last_word(action.reason)
            return False
        try:
            if isinstance(action, Rebuild):
                self._loop.call_soon_threadsafe(self._rebuild)
            self._ping()
        except RuntimeError:  # the loop was closed just now
            return False
        # After the rebuild, since it may wait for standard error.
        if isinstance(action, Rebuild):
            self._dump(f"{action.reason}: the consumer is being rebuilt")
        elif isinstance(action, DumpStacks):
            self._dump(action.reason)
        return True

    def _reading(self) -> Reading:
        with self._lock:
            return Reading(self.seconds_since_poll, self._blocked_seconds(), self.phase)

    def _ping(self) -> None:
        # One at a time: a blocked loop must not gather them.
        with self._lock:
            if self._pinged_at is not None:
                return
            self._pinged_at = self._clock()
        self._loop.call_soon_threadsafe(self._pong)

    def _pong(self) -> None:
        with self._lock:
            blocked, self._pinged_at = self._blocked_seconds(), None
        self.note_lag(blocked)

    def _blocked_seconds(self) -> float:
        return 0.0 if self._pinged_at is None else self._clock() - self._pinged_at

    def _forget_old_lags(self) -> None:
        while self._lags and self._clock() - self._lags[0][0] > _LAG_WINDOW_SECONDS:
            self._lags.popleft()
