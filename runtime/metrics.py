"""Metrics of a process: their catalogue, and the registry that counts, times and exposes them."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Literal, TypeVar

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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Instrument = TypeVar("Instrument", Counter, Gauge, Histogram)
    Kind = Literal["counter", "gauge", "histogram"]

EXPOSITION_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""The content type of exposition()."""
_MOST_WORDS = 200
_WORD = re.compile(r"(?!.*[0-9]{5})[A-Za-z][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Metric:
    """An entry of a catalogue."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()


class Catalogue(list[Metric]):
    """The metrics of a process, in the order of their definition by `counter`, `gauge` and `histogram`."""

    def __init__(self) -> None:
        super().__init__()
        self.counter = partial(self._define, "counter")
        self.gauge = partial(self._define, "gauge")
        self.histogram = partial(self._define, "histogram")

    def _define(self, kind: Kind, name: str, meaning: str, *labels: str, buckets: tuple[float, ...] = ()) -> Metric:
        self.append(Metric(name, kind, labels, meaning, buckets))
        return self[-1]


BUILD_INFO = Metric("voicememo_build_info", "gauge", ("version", "python"), "Always 1; the running versions.")


class Registry:
    """The metrics of a catalogue and of the process.

    A label's value is a constant word; what does not look like one, and the 201st word, becomes `other` (I6, I9).
    """

    def __init__(self, catalogue: Iterable[Metric]) -> None:
        # For the whole process: else every counter has a twin with a timestamp.
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library has no types just here
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._words: set[str] = set()
        self._counters: dict[Metric, Counter] = {}
        self._gauges: dict[Metric, Gauge] = {}
        self._series: dict[Metric, Callable[[], Mapping[str, float]]] = {}
        self._histograms: dict[Metric, Histogram] = {}
        for metric in catalogue:
            described = metric.name, metric.help, metric.labels
            match metric.kind:
                case "counter":
                    self._counters[metric] = Counter(*described, registry=registry)
                case "gauge":
                    self._gauges[metric] = Gauge(*described, registry=registry)
                case "histogram":
                    self._histograms[metric] = Histogram(*described, buckets=metric.buckets, registry=registry)
        if BUILD_INFO in self._gauges:
            self._gauges[BUILD_INFO].labels(running_version(), platform.python_version()).set(1)

    def count(self, metric: Metric, *words: str | None) -> None:
        """Add one to a counter."""
        self._labelled(self._counters[metric], words).inc()

    def observe(self, metric: Metric, seconds: float, *words: str | None) -> None:
        """Add a duration to a histogram."""
        self._labelled(self._histograms[metric], words).observe(seconds)

    def set(self, metric: Metric, value: float) -> None:
        """Set a gauge."""
        self._gauges[metric].set(value)

    def switch(self, metric: Metric, word: str) -> None:
        """Set a gauge to 1 for this word and drop its other series."""
        self._gauges[metric].clear()
        self._labelled(self._gauges[metric], (word,)).set(1)

    def follow(self, metric: Metric, read: Callable[[], float], *words: str | None) -> None:
        """Read a gauge's value at each scrape."""
        self._labelled(self._gauges[metric], words).set_function(read)

    def follow_series(self, metric: Metric, read: Callable[[], Mapping[str, float]]) -> None:
        """Read a gauge's series at each scrape: label → value. Labels may come and go."""
        self._series[metric] = read

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        for metric, read in self._series.items():
            self._gauges[metric].clear()
            for label, value in read().items():
                self._gauges[metric].labels(label).set(value)
        return generate_latest(self._registry)

    def _labelled(self, instrument: Instrument, words: tuple[str | None, ...]) -> Instrument:
        return instrument.labels(*map(self._word, words)) if words else instrument

    def _word(self, word: str | None) -> str:
        if word is None:
            return "none"
        if word not in self._words:
            if len(self._words) >= _MOST_WORDS or not _WORD.fullmatch(word):
                return "other"
            self._words.add(word)
        return word


def running_version() -> str:
    """Return the version of voicememo that runs."""
    try:
        return metadata.version("voicememo")
    except metadata.PackageNotFoundError:
        return "unknown"
