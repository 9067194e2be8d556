from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

from runtime.health.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable

STALE, STALL = 60.0, 30.0
AT_MOST_SECONDS = 60.0
"""How long a test waits for what must come: nothing is measured by it."""


class Clock:
    """Time that goes on when set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self.now


class Loop:
    """As much of an event loop as a watchdog needs, turned by hand."""

    def __init__(self) -> None:
        self.posted: list[Callable[[], None]] = []
        self.closed = False

    def is_closed(self) -> bool:
        """Return whether it is."""
        return self.closed

    def call_soon_threadsafe(self, callback: Callable[[], None]) -> None:
        """Keep it until the next turn."""
        self.posted.append(callback)

    def turn(self) -> None:
        """Run what was posted."""
        posted, self.posted = self.posted, []
        for callback in posted:
            callback()


class WatchdogRecorder:
    """What a watchdog did, and events to wait for it from another thread."""

    def __init__(self) -> None:
        self.dumped: list[str] = []
        self.ended: list[str] = []
        self.rebuilt: list[int] = []
        """The threads that rebuilt."""
        self.dump_came = threading.Event()
        self.end_came = threading.Event()
        self.rebuild_came = threading.Event()

    def dump(self, line: str) -> None:
        """Note a dump."""
        self.dumped.append(line)
        self.dump_came.set()

    def last_word(self, reason: str) -> None:
        """Note the end."""
        self.ended.append(reason)
        self.end_came.set()

    def rebuild(self) -> None:
        """Note a rebuild."""
        self.rebuilt.append(threading.get_ident())
        self.rebuild_came.set()

    def watchdog(self, loop: Any, **options: Any) -> Watchdog:  # noqa: ANN401 (a loop by hand; options as they are)
        """Build one that reports here."""
        usual = {"stale_after_seconds": STALE, "loop_stall_seconds": STALL}
        return Watchdog(
            loop,
            rebuild=self.rebuild,
            dump=self.dump,
            last_word=self.last_word,
            **(usual | options),
        )


def test_why_a_worker_is_unwell() -> None:
    """Health ends past each patience, with the reason in a line, the blocked loop's first."""
    clock, loop, recorder = Clock(), Loop(), WatchdogRecorder()
    dog = recorder.watchdog(loop, clock=clock)
    assert dog._look()
    clock.now += 30
    assert dog.why_unwell() is None
    clock.now += 31
    assert dog.why_unwell() == "loop blocked for 61 s while starting"
    loop.turn()
    assert dog.why_unwell() == "no poll for 61 s while starting"
    dog.beat()
    assert dog.why_unwell() is None
    clock.now += 100
    dog.phase = "draining"
    assert (dog.phase, dog.why_unwell()) == ("draining", None)


def test_readings_are_what_was_measured() -> None:
    """The lag is the longest of the last minute, or what is owed so far, however often it is read."""
    clock, loop, recorder = Clock(), Loop(), WatchdogRecorder()
    dog = recorder.watchdog(loop, clock=clock)
    lags = []
    for lag_seconds in (0.5, 3.0, 1.0, 0.25):
        dog._look()
        clock.now += lag_seconds
        loop.turn()
        lags.append((dog.longest_loop_lag_seconds, dog.longest_loop_lag_seconds))
    assert lags == [(0.5, 0.5), (3.0, 3.0), (3.0, 3.0), (3.0, 3.0)]
    clock.now += 59
    assert dog.longest_loop_lag_seconds == 1.0
    clock.now += 2
    assert dog.longest_loop_lag_seconds == 0.0
    dog._look()
    clock.now += 7
    assert dog.longest_loop_lag_seconds == 7.0


def test_what_the_loop_itself_felt_counts_as_well() -> None:
    """A lag between two pings is among those of the last minute."""
    clock, loop, recorder = Clock(), Loop(), WatchdogRecorder()
    dog = recorder.watchdog(loop, clock=clock)
    dog.note_lag(0.4)
    dog.note_lag(0.1)
    assert dog.longest_loop_lag_seconds == 0.4
    clock.now += 61
    assert dog.longest_loop_lag_seconds == 0.0
    assert dog.seconds_since_poll == clock.now - 1000


def test_pings_and_lags_are_bounded() -> None:
    """A blocked loop gathers no pings, and no number of looks makes the memory of lags grow (I9)."""
    clock, loop, recorder = Clock(), Loop(), WatchdogRecorder()
    dog = recorder.watchdog(loop, clock=clock)
    for _ in range(10):
        dog._look()
    assert len(loop.posted) == 1
    for _ in range(1000):
        dog._look()
        clock.now += 0.5
        dog.beat()
        loop.turn()
    assert len(dog._lags) <= 121


def test_a_worker_that_polls_is_left_alone() -> None:
    """However long it runs, a worker that polls is neither rebuilt nor ended: its memos may be as old as they like."""
    clock, loop, recorder = Clock(), Loop(), WatchdogRecorder()
    dog = recorder.watchdog(loop, clock=clock)
    for _ in range(1000):
        assert dog._look()
        clock.now += 1
        dog.beat()
        loop.turn()
    assert (recorder.dumped, recorder.rebuilt, recorder.ended) == ([], [], [])


def test_silence_is_reported_rebuilt_and_ended() -> None:
    """Without polls there is one dump with one rebuild, and then the last word; a look after that is none."""
    clock, loop, recorder = Clock(), Loop(), WatchdogRecorder()
    dog = recorder.watchdog(loop, clock=clock)
    while dog._look():
        clock.now += 1
        loop.turn()
    assert recorder.dumped == ["no poll for 60 s while starting: the consumer is being rebuilt"]
    assert len(recorder.rebuilt) == 1
    assert recorder.ended == ["no poll for 120 s while starting"]


def test_a_closed_loop_is_no_blocked_loop() -> None:
    """When the loop has been closed the watch is over, even with an answer owed."""
    loop, recorder = Loop(), WatchdogRecorder()
    dog = recorder.watchdog(loop)
    assert dog._look()
    loop.closed = True
    assert not dog._look()


async def test_the_rebuild_runs_on_the_loop_and_the_end_follows() -> None:
    """A worker that never polls is asked on its own thread to rebuild, once, before the end."""
    recorder = WatchdogRecorder()
    with recorder.watchdog(
        asyncio.get_running_loop(), stale_after_seconds=0.05, loop_stall_seconds=AT_MOST_SECONDS, interval_seconds=0.001
    ):
        assert await asyncio.to_thread(recorder.end_came.wait, AT_MOST_SECONDS)
    assert recorder.rebuilt == [threading.get_ident()]
    assert recorder.ended[0].startswith("no poll for ")
    assert len(recorder.dumped) == 1


async def test_a_blocked_loop_is_noticed_from_outside() -> None:
    """While this very test blocks the loop the stacks are asked for, then the last word, and no rebuild."""
    recorder = WatchdogRecorder()
    dog = recorder.watchdog(asyncio.get_running_loop(), loop_stall_seconds=0.05, interval_seconds=0.001)
    with dog:
        assert recorder.end_came.wait(AT_MOST_SECONDS)  # that it blocks the loop is the point
    assert [line.startswith("loop blocked for ") for line in [*recorder.dumped, *recorder.ended]] == [True, True]
    assert recorder.rebuilt == []
    dog._thread.join(AT_MOST_SECONDS)
    assert not dog._thread.is_alive()


async def test_a_lag_is_measured_on_a_real_loop() -> None:
    """A loop that was held up for a while has a lag afterwards, though nothing is owed any more."""
    recorder = WatchdogRecorder()
    with recorder.watchdog(asyncio.get_running_loop(), loop_stall_seconds=0.05, interval_seconds=0.001) as dog:
        assert recorder.dump_came.wait(AT_MOST_SECONDS)  # that it blocks the loop is the point
        await asyncio.sleep(0)  # the ping has been posted before, so it has its turn before us
        assert dog.longest_loop_lag_seconds >= 0.04


async def test_stopping_ends_the_thread() -> None:
    """After stop() the thread is gone, however long its interval; stopping twice, or unstarted, changes nothing."""
    dog = WatchdogRecorder().watchdog(asyncio.get_running_loop(), interval_seconds=AT_MOST_SECONDS)
    dog.start()
    assert dog._thread.daemon
    dog.stop()
    assert not dog._thread.is_alive()
    dog.stop()
    WatchdogRecorder().watchdog(asyncio.get_running_loop()).stop()


def test_a_closed_loop_ends_the_thread() -> None:
    """A watchdog that was not stopped ends with its loop."""
    recorder = WatchdogRecorder()
    loop = asyncio.new_event_loop()
    dog = recorder.watchdog(loop, interval_seconds=0.001)
    dog.start()
    loop.close()
    dog._thread.join(AT_MOST_SECONDS)
    assert not dog._thread.is_alive()
    assert recorder.ended == []
