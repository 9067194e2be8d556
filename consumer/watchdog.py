"""Watchdog: notices from a thread of its own when nothing moves, and ends the process when nothing else helps.

Whatever lives on the event loop cannot tell that the loop is blocked. What holds Python's global lock all the while,
as a runaway regular expression does, stops this thread too: only a liveness probe from outside sees that.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Self

from consumer.escalation import DumpStacks, End, Escalation, Reading, Rebuild

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from types import TracebackType

EXIT_STATUS: Final = 70
"""What the process ends with when the watchdog ends it: EX_SOFTWARE of sysexits.h."""

_LAG_WINDOW_SECONDS = 60.0
_WRITE_SECONDS = 5.0
"""How long standard error is waited for, in seconds."""
_JOIN_SECONDS = _WRITE_SECONDS + 1.0
_STDERR = 2
_MOST_STACKS_BYTES = 1024 * 1024


def end_process(reason: str) -> None:
    """Say why and where everybody stands, on standard error, and end the process at once with EXIT_STATUS."""
    try:
        write_stacks(f"{reason}: the process ends itself with status {EXIT_STATUS}")
    finally:
        # No orderly end: it would need the very loop that is stuck. The ledger and the group know what was under way.
        os._exit(EXIT_STATUS)


def write_stacks(line: str) -> None:
    """Write a line and the stacks of all threads to standard error, within some seconds or not at all."""
    # Neither through logging nor from this thread: what is stuck may hold a log handler's lock, or be waiting for a
    # reader of standard error that has gone; then we must not wait with it.
    text = f"voicememo watchdog: {line}\n".encode() + _stacks()
    writer = threading.Thread(target=_write, args=(text,), name="watchdog-writer", daemon=True)
    with contextlib.suppress(RuntimeError):  # no thread is to be had
        writer.start()
        writer.join(_WRITE_SECONDS)


def _stacks() -> bytes:
    """Give the stacks as text, cut where it is too long."""
    # Files, lines and functions, and no local variables: what people said stays private (I6).
    # faulthandler writes with the global lock held: into a pipe that drops what does not fit, and makes nobody wait.
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
    with contextlib.suppress(OSError):  # nobody reads
        while text:
            text = text[os.write(_STDERR, text) :]


class Watchdog:
    """Watches from a daemon thread. A context manager; it may be subscribed to the notices, for the phase.

    Args:
        loop: the event loop that is watched.
        stale_after_seconds: after how long without a poll the consumer is rebuilt; after as long again comes the end.
        loop_stall_seconds: after how long of a blocked loop stacks are written; after twice that comes the end.
        oldest: says how long the oldest memo waits, in seconds; called by whoever reads, never by the thread.
        rebuild: asks the worker to rebuild its consumer; called on the loop.
        dump: writes a line and the stacks; called by the thread.
        last_word: ends the process, given the reason; called by the thread, which ends too should it return.
        clock: seconds from a point of its own.
        interval_seconds: how long between two looks.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        stale_after_seconds: float,
        rebuild: Callable[[], None],
        oldest: Callable[[], float | None],
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
        self._oldest = oldest
        self._dump = dump
        self._last_word = last_word
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._escalation = Escalation(stale_after_seconds=stale_after_seconds, loop_stall_seconds=loop_stall_seconds)
        self.phase = "starting"
        """What the worker does; while it is draining or stopped no poll is missed. Entering another is no beat."""
        self._polled_at = clock()
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        """When the ping was posted that the loop still owes an answer to."""
        self._lags: deque[tuple[float, float]] = deque()
        """When measured and how long, falling: whatever a later one exceeds is dropped."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to watch, which counts as a beat; possible once."""
        self.beat()
        self._thread.start()

    def stop(self) -> None:
        """Watch no more; waits for the thread, for some seconds at most. Doing so again changes nothing."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_SECONDS)

    def beat(self) -> None:
        """Show that polls go on; to be called after each."""
        self._polled_at = self._clock()

    @property
    def seconds_since_poll(self) -> float:
        """How long ago the last beat was, in seconds."""
        return self._clock() - self._polled_at

    @property
    def longest_loop_lag_seconds(self) -> float:
        """The longest lag of the last minute, in seconds: reading it changes nothing, so there may be many readers."""
        with self._lock:
            self._forget_old_lags()
            return max(self._lags[0][1] if self._lags else 0.0, self._owed_seconds())

    def felt(self, seconds: float) -> None:
        """Take note of a lag that the loop itself has felt: pings are a second apart, and miss what is shorter."""
        with self._lock:
            self._note_lag(seconds)

    @property
    def oldest_memo_seconds(self) -> float | None:
        """How long the oldest memo has been unprocessed, in seconds; None without any. As thread-safe as `oldest`."""
        return self._oldest()

    def why_unwell(self) -> str | None:
        """Say in a line why the worker is not healthy; None when it is.

        The age of memos says nothing of that: they may wait for a store that is away, and a restart would not help.
        """
        reading = self._reading()
        if reading.blocked_seconds > self._loop_stall_seconds:
            return reading.of_the_loop
        if reading.silent_seconds > self._stale_after_seconds and reading.polls_expected:
            return reading.of_the_polls
        return None

    def _watch(self) -> None:
        while not self._stopping.is_set() and self._look():
            self._stopping.wait(self._interval_seconds)

    def _look(self) -> bool:
        """Look once and do what is called for; False when there is nothing left to watch."""
        if self._loop.is_closed():  # what it still owes will never come
            return False
        verdict = self._escalation.judge(self._clock(), self._reading())
        if isinstance(verdict, End):
            self._last_word(verdict.reason)
            return False
        try:
            if isinstance(verdict, Rebuild):
                self._loop.call_soon_threadsafe(self._rebuild)
            self._ask()
        except RuntimeError:  # it was closed just now
            return False
        # Last, for it may wait for standard error: the rebuild does not.
        if isinstance(verdict, Rebuild):
            self._dump(f"{verdict.reason}: the consumer is being rebuilt")
        elif isinstance(verdict, DumpStacks):
            self._dump(verdict.reason)
        return True

    def _reading(self) -> Reading:
        with self._lock:
            return Reading(self.seconds_since_poll, self._owed_seconds(), self.phase)

    def _ask(self) -> None:
        """Post a ping, unless one is under way: a blocked loop does not gather them."""
        with self._lock:
            if self._asked_at is not None:
                return
            self._asked_at = self._clock()
        self._loop.call_soon_threadsafe(self._answered)

    def _answered(self) -> None:
        with self._lock:
            self._note_lag(self._owed_seconds())
            self._asked_at = None

    def _note_lag(self, seconds: float) -> None:
        self._forget_old_lags()
        while self._lags and self._lags[-1][1] <= seconds:
            self._lags.pop()
        self._lags.append((self._clock(), seconds))

    def _owed_seconds(self) -> float:
        return 0.0 if self._asked_at is None else self._clock() - self._asked_at

    def _forget_old_lags(self) -> None:
        while self._lags and self._clock() - self._lags[0][0] > _LAG_WINDOW_SECONDS:
            self._lags.popleft()
