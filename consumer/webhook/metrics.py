"""What is counted and timed at the webhook door, and what of it is logged. No id, number, name or text is (I6)."""

from __future__ import annotations

import logging
import platform
import time
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from consumer.catalogue import BUILD_INFO, Metric
from consumer.metrics import running_version
from consumer.webhook.answers import FORGERIES, Handled, Outcome, Unpublished

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.webhook.answers import Notice
    from consumer.webhook.door import Door

DELIVERIES = Metric(
    "voicememo_webhook_deliveries_total",
    "counter",
    ("outcome", "scheme"),
    "Deliveries that were answered; scheme is how a genuine one was signed: standard, timestamped or body.",
)
UNADDRESSED = Metric(
    "voicememo_webhook_unaddressed_total",
    "counter",
    ("lacking",),
    "Genuine deliveries that no chat could be read from; they are on the topic, keyed by their own id.",
)
KEPT_SECONDS = Metric(
    "voicememo_webhook_kept_seconds",
    "histogram",
    (),
    "From a delivery's head until Kafka had it, in seconds.",
    (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8),
)
HELD = Metric("voicememo_webhook_held", "gauge", (), "Deliveries in hand just now, answered or not.")
HELD_BYTES = Metric("voicememo_webhook_held_bytes", "gauge", (), "And their bytes, as announced.")

CATALOGUE = (DELIVERIES, UNADDRESSED, KEPT_SECONDS, HELD, HELD_BYTES, BUILD_INFO)

_QUIET_SECONDS = 10.0
"""Between two lines about the same outcome."""

log = logging.getLogger(__name__)


class DoorMetrics:
    """Counts and times what it is told, in a registry of its own."""

    def __init__(self) -> None:
        # A setting of the library for the whole process, as in consumer/metrics.py.
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library has no types just here
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._deliveries = Counter(DELIVERIES.name, DELIVERIES.help, DELIVERIES.labels, registry=registry)
        self._unaddressed = Counter(UNADDRESSED.name, UNADDRESSED.help, UNADDRESSED.labels, registry=registry)
        self._seconds = Histogram(KEPT_SECONDS.name, KEPT_SECONDS.help, buckets=KEPT_SECONDS.buckets, registry=registry)
        info = Gauge(BUILD_INFO.name, BUILD_INFO.help, BUILD_INFO.labels, registry=registry)
        info.labels(running_version(), platform.python_version()).set(1)

    def __call__(self, notice: Notice) -> None:
        """Count a delivery."""
        if not isinstance(notice, Handled):
            return
        self._deliveries.labels(notice.outcome.value, notice.scheme or "none").inc()
        if notice.outcome is Outcome.KEPT:
            self._seconds.observe(notice.seconds)
            if notice.lacking:
                self._unaddressed.labels(notice.lacking).inc()

    def watch(self, door: Door) -> None:
        """Tell what the door holds, as of each scrape."""
        Gauge(HELD.name, HELD.help, registry=self._registry).set_function(lambda: door.room.requests)
        Gauge(HELD_BYTES.name, HELD_BYTES.help, registry=self._registry).set_function(lambda: door.room.size)

    def exposition(self) -> bytes:
        """Give everything in Prometheus's text format."""
        return generate_latest(self._registry)


class DoorLog:
    """Writes down what went wrong: at most a line of each kind within some seconds, with how many there were.

    Whoever knows the address can send rubbish, as fast as he likes; that must not fill the log.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def __call__(self, notice: Notice) -> None:
        """Write a notice down, or remember to."""
        match notice:
            case Handled(Outcome.KEPT):
                log.debug("webhook.kept", extra={"scheme": notice.scheme, "lacking": notice.lacking})
            case Handled():
                level = logging.INFO if notice.outcome in FORGERIES else logging.WARNING
                self._write(level, "webhook.refused", {"outcome": notice.outcome.value})
            case Unpublished():
                self._write(logging.WARNING, "webhook.unpublished", {"reason": notice.reason})

    def _write(self, level: int, event: str, told: dict[str, str]) -> None:
        kind = " ".join((event, *told.values()))
        times = self._untold[kind] = self._untold.get(kind, 0) + 1
        now = self._clock()
        if now - self._told.get(kind, float("-inf")) >= _QUIET_SECONDS:
            self._told[kind] = now
            self._untold[kind] = 0
            log.log(level, event, extra={**told, "times": times})
