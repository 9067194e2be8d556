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


class Metrics:
    """Counts and times notices; `in_flight` is called at each scrape."""

    def __init__(self, *, in_flight: Callable[[], int]) -> None:
        self._registry = Registry(catalogue.CATALOGUE)
        self._forms = {"voice": 0, "text": 0}
        """Form → replies to voice memos."""
        self._registry.follow(catalogue.VOICE_OUT_RATIO, self._voice_out_ratio)
        self._registry.follow(catalogue.IN_FLIGHT, in_flight)
        self._registry.switch(catalogue.WORKER_PHASE, "starting")

    def __call__(self, notice: notices.Notice) -> None:  # noqa: C901, PLR0912 (a case per notice; assert_never misses none)
        """Count a notice."""
        count, observe = self._registry.count, self._registry.observe
        match notice:
            case notices.MemoTaken():
                count(catalogue.MEMOS_TAKEN, "true" if notice.fence > 1 else "false")
            case StageFinished():
                observe(catalogue.STAGE_SECONDS, notice.seconds, notice.stage, notice.rung)
            case StageFailed():
                count(catalogue.STAGE_FAILURES, notice.stage, notice.error)
            case RungFailed():
                count(catalogue.RUNG_FAILURES, notice.stage, notice.rung, notice.error)
            case notices.MemoSettled():
                self._settled(notice)
            case notices.MemoParked():
                count(catalogue.MEMOS_PARKED, notice.reason)
            case notices.MemoFenced():
                count(catalogue.MEMOS_FENCED)
            case notices.EventPassed():
                count(catalogue.EVENTS_PASSED, notice.reason)
            case notices.EventBuried():
                count(catalogue.EVENTS_BURIED, notice.reason)
            case notices.OffsetsCommitted():
                count(catalogue.COMMITS)
            case notices.PartitionsChanged():
                self._registry.set(catalogue.PARTITIONS, notice.partitions)
                count(catalogue.REBALANCES)
            case notices.WorkerChanged():
                self._registry.switch(catalogue.WORKER_PHASE, notice.phase)
            case RungServed() | notices.MemoReleased():
                pass  # StageFinished names the rung that served, MemoTaken counts another try
            case _:
                assert_never(notice)

    def _settled(self, notice: notices.MemoSettled) -> None:
        # A text that answers a text message does not count against the voice.
        form = "text-for-text" if notice.written and notice.form else notice.form
        if form in self._forms:
            self._forms[form] += 1
        self._registry.count(catalogue.MEMOS, notice.outcome, form)
        self._registry.observe(catalogue.MEMO_SECONDS, notice.seconds)

    def _voice_out_ratio(self) -> float:
        replies = sum(self._forms.values())
        return self._forms["voice"] / replies if replies else 1.0

    def loop_stalled(self, seconds: float) -> None:
        """Count a lag of the event loop."""
        self._registry.observe(catalogue.LOOP_STALLS, seconds)

    def watch(self, watchdog: Watchdog, oldest_seconds: Callable[[], float | None]) -> None:
        """Expose the loop's lag, and the ages of the last poll and the oldest unfinished event."""
        self._registry.follow(catalogue.LOOP_LAG, lambda: watchdog.longest_loop_lag_seconds)
        self._registry.follow(catalogue.SINCE_POLL, lambda: watchdog.seconds_since_poll)
        self._registry.follow(catalogue.OLDEST_MEMO, lambda: oldest_seconds() or 0.0)

    def watch_lag(self, lag: Callable[[], Mapping[Partition, int]]) -> None:
        """Expose the unfinished events of each partition."""
        self._registry.follow_series(
            catalogue.LAG, lambda: {str(partition.number): float(events) for partition, events in lag().items()}
        )

    def watch_backlog(self, backlog: Backlog) -> None:
        """Expose what waits."""
        self._registry.follow_series(
            catalogue.WAITING, lambda: {state: float(memos) for state, memos in backlog.memos.items()}
        )
        self._registry.follow(catalogue.OLDEST_PARKED, lambda: backlog.oldest_parked_seconds)
        self._registry.follow(catalogue.OWED_UPLOADS, lambda: backlog.owed.count)
        self._registry.follow(catalogue.OWED_BYTES, lambda: backlog.owed.bytes)

    def watch_rungs(self, *ladders: Ladder[..., Any]) -> None:
        """Expose the open breakers; only the event loop may scrape then."""
        for ladder in ladders:
            for rung in ladder.states():
                self._registry.follow(catalogue.RUNG_OPEN, partial(_is_open, ladder, rung), ladder.name, rung)

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return self._registry.exposition()


def _is_open(ladder: Ladder[..., Any], rung: str) -> float:
    return float(ladder.states()[rung] is not BreakerState.CLOSED)
