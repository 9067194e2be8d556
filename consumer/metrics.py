"""Metrics: the listener that counts and times what consumer/catalogue.py names.

There are never more words as labels than there is room for (I9).
"""

from __future__ import annotations

import platform
import re
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Any, assert_never

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from consumer.catalogue import (
    BUILD_INFO,
    COMMITS,
    EVENTS_BURIED,
    EVENTS_PASSED,
    IN_FLIGHT,
    LAG,
    LOOP_LAG,
    LOOP_STALLS,
    MEMO_SECONDS,
    MEMOS,
    MEMOS_FENCED,
    MEMOS_PARKED,
    MEMOS_TAKEN,
    OLDEST_MEMO,
    OLDEST_PARKED,
    OWED_BYTES,
    OWED_UPLOADS,
    PARTITIONS,
    REBALANCES,
    RUNG_FAILURES,
    RUNG_OPEN,
    SINCE_POLL,
    STAGE_FAILURES,
    STAGE_SECONDS,
    VOICE_OUT_RATIO,
    WAITING,
    WORKER_PHASE,
)
from consumer.notices import (
    EventBuried,
    EventPassed,
    MemoFenced,
    MemoParked,
    MemoReleased,
    MemoSettled,
    MemoTaken,
    OffsetsCommitted,
    PartitionsChanged,
    RungFailed,
    RungServed,
    StageFailed,
    StageFinished,
    WorkerChanged,
)
from providers.breaker import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from consumer.backlog import Backlog
    from consumer.catalogue import Metric
    from consumer.notices import Notice
    from consumer.source import Partition
    from consumer.watchdog import Watchdog
    from providers.ladder import Ladder


EXPOSITION_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""The content type of exposition(): the text format that every scraper reads."""

_MOST_WORDS = 200
_WORD = re.compile(r"(?!.*[0-9]{5})[A-Za-z][A-Za-z0-9._-]{0,63}")


class Metrics:
    """Counts and times what it is told, in a registry of its own.

    Args:
        in_flight: says how many memos are being worked on; asked at each scrape.
    """

    def __init__(self, *, in_flight: Callable[[], int]) -> None:
        # A setting of the library for the whole process: without it every counter has a twin that holds a timestamp.
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library has no types just here
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._word = _Vocabulary(_MOST_WORDS)
        self._memos_taken = self._counter(MEMOS_TAKEN)
        self._memos = self._counter(MEMOS)
        self._memos_parked = self._counter(MEMOS_PARKED)
        self._memos_fenced = self._counter(MEMOS_FENCED)
        self._memo_seconds = self._histogram(MEMO_SECONDS)
        self._forms = {"voice": 0, "text": 0}
        """Form → replies to voice memos that went out in it."""
        self._gauge(VOICE_OUT_RATIO).set_function(self._voice_out_ratio)
        self._gauge(IN_FLIGHT).set_function(in_flight)
        self._stage_seconds = self._histogram(STAGE_SECONDS)
        self._stage_failures = self._counter(STAGE_FAILURES)
        self._rung_failures = self._counter(RUNG_FAILURES)
        self._rung_open = self._gauge(RUNG_OPEN)
        self._events_passed = self._counter(EVENTS_PASSED)
        self._events_buried = self._counter(EVENTS_BURIED)
        self._commits = self._counter(COMMITS)
        self._partitions = self._gauge(PARTITIONS)
        self._rebalances = self._counter(REBALANCES)
        self._worker_phase = self._gauge(WORKER_PHASE)
        self._loop_stalls = self._histogram(LOOP_STALLS)
        self._enter("starting")
        self._gauge(BUILD_INFO).labels(running_version(), platform.python_version()).set(1)

    def __call__(self, notice: Notice) -> None:  # noqa: C901, PLR0912 (a case per notice; assert_never misses none)
        """Count a notice."""
        word = self._word
        match notice:
            case MemoTaken():
                self._memos_taken.labels("true" if notice.fence > 1 else "false").inc()
            case StageFinished():
                self._stage_seconds.labels(word(notice.stage), word(notice.rung)).observe(notice.seconds)
            case StageFailed():
                self._stage_failures.labels(word(notice.stage), word(notice.error)).inc()
            case RungFailed():
                self._rung_failures.labels(word(notice.stage), word(notice.rung), word(notice.error)).inc()
            case MemoSettled():
                self._memos.labels(word(notice.outcome), word(_form(notice))).inc()
                self._count_form(_form(notice))
                self._memo_seconds.observe(notice.seconds)
            case MemoParked():
                self._memos_parked.labels(word(notice.reason)).inc()
            case MemoFenced():
                self._memos_fenced.inc()
            case EventPassed():
                self._events_passed.labels(word(notice.reason)).inc()
            case EventBuried():
                self._events_buried.labels(word(notice.reason)).inc()
            case OffsetsCommitted():
                self._commits.inc()
            case PartitionsChanged():
                self._partitions.set(notice.partitions)
                self._rebalances.inc()
            case WorkerChanged():
                self._enter(word(notice.phase))
            case RungServed() | MemoReleased():
                pass  # the stage says who served, and who takes the memo again says so
            case _:
                assert_never(notice)

    def _count_form(self, form: str | None) -> None:
        if form in self._forms:
            self._forms[form] += 1

    def _voice_out_ratio(self) -> float:
        replies = sum(self._forms.values())
        return self._forms["voice"] / replies if replies else 1.0

    def loop_stalled(self, seconds: float) -> None:
        """Count how late the event loop was at one look."""
        self._loop_stalls.observe(seconds)

    def watch(self, watchdog: Watchdog) -> None:
        """Tell what the watchdog sees, as of each scrape."""
        self._gauge(LOOP_LAG).set_function(lambda: watchdog.longest_loop_lag_seconds)
        self._gauge(SINCE_POLL).set_function(lambda: watchdog.seconds_since_poll)
        self._gauge(OLDEST_MEMO).set_function(lambda: watchdog.oldest_memo_seconds or 0.0)

    def watch_lag(self, lag: Callable[[], Mapping[Partition, int]]) -> None:
        """Tell how much of each partition is not finished, as of each scrape."""

        def by_number() -> dict[str, float]:
            return {str(partition.number): float(events) for partition, events in lag().items()}

        self._registry.register(_Family(LAG, by_number))

    def watch_backlog(self, backlog: Backlog) -> None:
        """Tell what waits, as it last looked."""
        self._registry.register(
            _Family(WAITING, lambda: {state: float(backlog.memos[state]) for state in backlog.memos})
        )
        self._gauge(OLDEST_PARKED).set_function(lambda: backlog.oldest_parked_seconds)
        self._gauge(OWED_UPLOADS).set_function(lambda: backlog.owed.count)
        self._gauge(OWED_BYTES).set_function(lambda: backlog.owed.bytes)

    def watch_rungs(self, *ladders: Ladder[..., Any]) -> None:
        """Tell which rungs are shut, as of each scrape; scrapes are then for the event loop, as the ladders are."""
        for ladder in ladders:
            for rung in ladder.states():
                labelled = self._rung_open.labels(self._word(ladder.name), self._word(rung))
                labelled.set_function(partial(_is_shut, ladder, rung))

    def exposition(self) -> bytes:
        """Give everything in Prometheus's text format, whose content type is EXPOSITION_TYPE."""
        return generate_latest(self._registry)

    def _enter(self, phase: str) -> None:
        self._worker_phase.clear()
        self._worker_phase.labels(phase).set(1)

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.help, metric.labels, registry=self._registry)

    def _gauge(self, metric: Metric) -> Gauge:
        return Gauge(metric.name, metric.help, metric.labels, registry=self._registry)

    def _histogram(self, metric: Metric) -> Histogram:
        return Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=self._registry)


class _Family(Collector):
    """A gauge whose label comes and goes: asked at each scrape which values there are."""

    def __init__(self, metric: Metric, read: Callable[[], Mapping[str, float]]) -> None:
        self._metric = metric
        self._read = read

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily(self._metric.name, self._metric.help, labels=self._metric.labels)
        for label, value in self._read().items():
            family.add_metric((label,), value)
        yield family


class _Vocabulary:
    """Lets words through as label values, as long as there are not too many; anything else is `other`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, word: str | None) -> str:
        if word is None:
            return "none"
        if word not in self._known:
            if len(self._known) >= self._most or not _WORD.fullmatch(word):
                return "other"
            self._known.add(word)
        return word


def _form(notice: MemoSettled) -> str | None:
    """Say in which form the reply went out, so that no text that was asked for counts as a voice that failed."""
    return "text-for-text" if notice.written and notice.form else notice.form


def _is_shut(ladder: Ladder[..., Any], rung: str) -> float:
    return float(ladder.states()[rung] is not State.CLOSED)


def running_version() -> str:
    """Say which version of voicememo runs."""
    try:
        return metadata.version("voicememo")
    except metadata.PackageNotFoundError:
        return "unknown"
