"""Metrics of a worker: the listener that counts and times notices."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, assert_never

from consumer import notices
from consumer.telemetry import catalogue
from conversation.notices import RungFailed, RungServed, StageFailed, StageFinished
from providers.fallback.breaker import BreakerState
from runtime.metrics import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from consumer.kafka.ports import Partition
    from consumer.telemetry.backlog import Backlog
    from providers.fallback.ladder import Ladder
    from runtime.health.watchdog import Watchdog


class Metrics(Registry):
    """Counts and times notices; `in_flight` is called at each scrape."""

    def __init__(self, *, in_flight: Callable[[], int]) -> None:
        super().__init__(catalogue.CATALOGUE)
        self._forms = {"voice": 0, "text": 0}
        """Form → replies to voice memos."""
        self.follow(catalogue.VOICE_OUT_RATIO, self._voice_out_ratio)
        self.follow(catalogue.IN_FLIGHT, in_flight)
        self.switch(catalogue.WORKER_PHASE, "starting")

    def __call__(self, notice: notices.Notice) -> None:  # noqa: C901, PLR0912 (a case per notice; assert_never misses none)
        """Count a notice."""
        match notice:
            case notices.MemoTaken():
                self.count(catalogue.MEMOS_TAKEN, "true" if notice.fence > 1 else "false")
            case StageFinished():
                self.observe(catalogue.STAGE_SECONDS, notice.seconds, notice.stage, notice.rung)
            case StageFailed():
                self.count(catalogue.STAGE_FAILURES, notice.stage, notice.error)
            case RungFailed():
                self.count(catalogue.RUNG_FAILURES, notice.stage, notice.rung, notice.error)
            case notices.MemoSettled():
                self._settled(notice)
            case notices.MemoParked():
                self.count(catalogue.MEMOS_PARKED, notice.reason)
            case notices.MemoFenced():
                self.count(catalogue.MEMOS_FENCED)
            case notices.EventPassed():
                self.count(catalogue.EVENTS_PASSED, notice.reason)
            case notices.EventBuried():
                self.count(catalogue.EVENTS_BURIED, notice.reason)
            case notices.OffsetsCommitted():
                self.count(catalogue.COMMITS)
            case notices.PartitionsChanged():
                self.set(catalogue.PARTITIONS, notice.partitions)
                self.count(catalogue.REBALANCES)
            case notices.WorkerChanged():
                self.switch(catalogue.WORKER_PHASE, notice.phase)
            case RungServed() | notices.MemoReleased():
                pass  # StageFinished names the rung that served, MemoTaken counts another try
            case _:
                assert_never(notice)

    def _settled(self, notice: notices.MemoSettled) -> None:
        # A text that answers a text message does not count against the voice.
        form = "text-for-text" if notice.written and notice.form else notice.form
        if form in self._forms:
            self._forms[form] += 1
        self.count(catalogue.MEMOS, notice.outcome, form)
        self.observe(catalogue.MEMO_SECONDS, notice.seconds)

    def _voice_out_ratio(self) -> float:
        replies = sum(self._forms.values())
        return self._forms["voice"] / replies if replies else 1.0

    def loop_stalled(self, seconds: float) -> None:
        """Count a lag of the event loop."""
        self.observe(catalogue.LOOP_STALLS, seconds)

    def watch(self, watchdog: Watchdog, oldest_seconds: Callable[[], float | None]) -> None:
        """Expose the loop's lag, and the ages of the last poll and the oldest unfinished event."""
        self.follow(catalogue.LOOP_LAG, lambda: watchdog.longest_loop_lag_seconds)
        self.follow(catalogue.SINCE_POLL, lambda: watchdog.seconds_since_poll)
        self.follow(catalogue.OLDEST_MEMO, lambda: oldest_seconds() or 0.0)

    def watch_lag(self, lag: Callable[[], Mapping[Partition, int]]) -> None:
        """Expose the unfinished events of each partition."""
        self.follow_series(
            catalogue.LAG, lambda: {str(partition.number): float(events) for partition, events in lag().items()}
        )

    def watch_backlog(self, backlog: Backlog) -> None:
        """Expose what waits."""
        self.follow_series(catalogue.WAITING, lambda: {state: float(memos) for state, memos in backlog.memos.items()})
        self.follow(catalogue.OLDEST_PARKED, lambda: backlog.oldest_parked_seconds)
        self.follow(catalogue.OWED_UPLOADS, lambda: backlog.owed.count)
        self.follow(catalogue.OWED_BYTES, lambda: backlog.owed.bytes)

    def watch_rungs(self, *ladders: Ladder[..., Any]) -> None:
        """Expose the open breakers; only the event loop may scrape then."""
        for ladder in ladders:
            for rung in ladder.states():
                self.follow(catalogue.RUNG_OPEN, partial(_is_open, ladder, rung), ladder.name, rung)


def _is_open(ladder: Ladder[..., Any], rung: str) -> float:
    return float(ladder.states()[rung] is not BreakerState.CLOSED)
