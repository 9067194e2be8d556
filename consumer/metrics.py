"""Metrics: the catalogue of everything that is counted and timed, and the listener that does so.

A label's value is a constant word of ours (an outcome, a stage, a rung, a reason): never an id, a name or a text (I6),
and never more words than there is room for (I9).
"""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal, assert_never

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

from consumer.notices import (
    EventBuried,
    EventPassed,
    MemoFenced,
    MemoParked,
    MemoSettled,
    MemoTaken,
    OffsetsCommitted,
    PartitionsChanged,
    RungFailed,
    StageFailed,
    StageFinished,
    WorkerChanged,
)
from providers.breaker import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.notices import Notice
    from consumer.watchdog import Watchdog
    from providers.ladder import Ladder


@dataclass(frozen=True, slots=True)
class Metric:
    """A line of the catalogue."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()
    """Upper bounds in seconds, of a histogram."""


MEMOS_TAKEN = Metric(
    "voicememo_memos_taken_total",
    "counter",
    ("again",),
    "Claims of memos; again is true when an earlier holder had begun.",
)
MEMOS = Metric(
    "voicememo_memos_total",
    "counter",
    ("outcome", "form"),
    "Memos that came to their end; form is voice, text, or none where no reply went out.",
)
MEMOS_PARKED = Metric(
    "voicememo_memos_parked_total", "counter", ("reason",), "Times that a memo was set aside for another try."
)
MEMOS_FENCED = Metric(
    "voicememo_memos_fenced_total", "counter", (), "Times that a memo was lost to another holder while worked on."
)
MEMO_SECONDS = Metric(
    "voicememo_memo_seconds",
    "histogram",
    (),
    "From the moment a memo was taken until it was settled, in seconds.",
    (0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60, 90, 120),
)
IN_FLIGHT = Metric("voicememo_in_flight", "gauge", (), "Memos being worked on just now.")
STAGE_SECONDS = Metric(
    "voicememo_stage_seconds",
    "histogram",
    ("stage", "rung"),
    "How long a stage took that ended well, in seconds; rung is the one that served, none where there is no ladder.",
    (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60),
)
STAGE_FAILURES = Metric(
    "voicememo_stage_failures_total", "counter", ("stage", "error"), "Stages that did not end well."
)
RUNG_FAILURES = Metric(
    "voicememo_rung_failures_total",
    "counter",
    ("stage", "rung", "error"),
    "Rungs that fell, so that the next was tried.",
)
RUNG_OPEN = Metric(
    "voicememo_rung_open",
    "gauge",
    ("stage", "rung"),
    "1 while a rung's breaker keeps it shut, from its opening until a probe has succeeded; 0 otherwise.",
)
EVENTS_PASSED = Metric("voicememo_events_passed_total", "counter", ("reason",), "Events that needed no work.")
EVENTS_BURIED = Metric(
    "voicememo_events_buried_total", "counter", ("reason",), "Events that went to the dead-letter topic."
)
COMMITS = Metric("voicememo_commits_total", "counter", (), "Commits of finished prefixes that the broker accepted.")
PARTITIONS = Metric("voicememo_partitions", "gauge", (), "Partitions that the group has given this worker.")
REBALANCES = Metric(
    "voicememo_rebalances_total", "counter", (), "Times that the group gave this worker partitions, or took some."
)
LOOP_LAG = Metric(
    "voicememo_loop_lag_seconds", "gauge", (), "The longest that the event loop was blocked in the last minute."
)
SINCE_POLL = Metric("voicememo_seconds_since_poll", "gauge", (), "How long ago Kafka was last polled.")
OLDEST_MEMO = Metric(
    "voicememo_oldest_memo_seconds", "gauge", (), "How long the oldest unfinished event has been here; 0 without any."
)
WORKER_PHASE = Metric(
    "voicememo_worker_phase",
    "gauge",
    ("phase",),
    "1 for what the worker does now: starting, polling, draining, stopped.",
)
BUILD_INFO = Metric("voicememo_build_info", "gauge", ("version", "python"), "Always 1; what is running.")

CATALOGUE = (
    MEMOS_TAKEN,
    MEMOS,
    MEMOS_PARKED,
    MEMOS_FENCED,
    MEMO_SECONDS,
    IN_FLIGHT,
    STAGE_SECONDS,
    STAGE_FAILURES,
    RUNG_FAILURES,
    RUNG_OPEN,
    EVENTS_PASSED,
    EVENTS_BURIED,
    COMMITS,
    PARTITIONS,
    REBALANCES,
    WORKER_PHASE,
    BUILD_INFO,
    LOOP_LAG,
    SINCE_POLL,
    OLDEST_MEMO,
)

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
        self._enter("starting")
        self._gauge(BUILD_INFO).labels(_version(), platform.python_version()).set(1)

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
                self._memos.labels(word(notice.outcome), word(notice.form)).inc()
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
            case _:
                assert_never(notice)

    def watch(self, watchdog: Watchdog) -> None:
        """Tell what the watchdog sees, as of each scrape."""
        self._gauge(LOOP_LAG).set_function(lambda: watchdog.longest_loop_lag_seconds)
        self._gauge(SINCE_POLL).set_function(lambda: watchdog.seconds_since_poll)
        self._gauge(OLDEST_MEMO).set_function(lambda: watchdog.oldest_memo_seconds or 0.0)

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


def _is_shut(ladder: Ladder[..., Any], rung: str) -> float:
    return float(ladder.states()[rung] is not State.CLOSED)


def catalogue_table() -> str:
    """Write the catalogue as a Markdown table."""
    lines = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    for metric in CATALOGUE:
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "none"
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |")
    return "\n".join(lines) + "\n"


def _version() -> str:
    try:
        return metadata.version("voicememo")
    except metadata.PackageNotFoundError:
        return "unknown"
