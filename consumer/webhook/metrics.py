"""Metrics and log of the webhook server, without ids, numbers, names or texts (I6)."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from consumer.webhook.outcomes import FORGERIES, DeliveryOutcome, Handled, Unpublished
from runtime.metrics import BUILD_INFO, Catalogue, Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.webhook.outcomes import WebhookNotice
    from consumer.webhook.server import WebhookServer

CATALOGUE = Catalogue()
counter, gauge, histogram = CATALOGUE.counter, CATALOGUE.gauge, CATALOGUE.histogram

DELIVERIES = counter(
    "voicememo_webhook_deliveries_total",
    "Deliveries that were answered; scheme is how a genuine one was signed: standard, timestamped or body.",
    "outcome",
    "scheme",
)
UNADDRESSED = counter(
    "voicememo_webhook_unaddressed_total",
    "Genuine deliveries without a readable chat; on the topic, they are keyed by their own id.",
    "lacking",
)
KEPT_SECONDS = histogram(
    "voicememo_webhook_kept_seconds",
    "From a delivery's head until Kafka had it, in seconds.",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8),
)
HELD = gauge("voicememo_webhook_held", "Deliveries in progress, answered or not.")
HELD_BYTES = gauge("voicememo_webhook_held_bytes", "Their bytes, as announced.")
CATALOGUE.append(BUILD_INFO)

_QUIET_SECONDS = 10.0
"""Shortest time between two lines about the same outcome."""

log = logging.getLogger(__name__)


class WebhookMetrics(Registry):
    """Counts and times deliveries."""

    def __init__(self) -> None:
        super().__init__(CATALOGUE)

    def __call__(self, notice: WebhookNotice) -> None:
        """Count a delivery."""
        if not isinstance(notice, Handled):
            return
        self.count(DELIVERIES, notice.outcome.value, notice.scheme)
        if notice.outcome is DeliveryOutcome.KEPT:
            self.observe(KEPT_SECONDS, notice.seconds)
            if notice.missing:
                self.count(UNADDRESSED, notice.missing)

    def watch(self, door: WebhookServer) -> None:
        """Expose the deliveries in progress."""
        self.follow(HELD, lambda: door.capacity.requests)
        self.follow(HELD_BYTES, lambda: door.capacity.size)


class WebhookLog:
    """Logs refusals and failures, one line of a kind in ten seconds: strangers cannot fill the log."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged_at: dict[str, float] = {}
        self._unlogged: dict[str, int] = {}

    def __call__(self, notice: WebhookNotice) -> None:
        """Log a notice, or count it for a later line."""
        match notice:
            case Handled(DeliveryOutcome.KEPT):
                log.debug("webhook.kept", extra={"scheme": notice.scheme, "lacking": notice.missing})
            case Handled():
                level = logging.INFO if notice.outcome in FORGERIES else logging.WARNING
                self._write(level, "webhook.refused", {"outcome": notice.outcome.value})
            case Unpublished():
                self._write(logging.WARNING, "webhook.unpublished", {"reason": notice.reason})

    def _write(self, level: int, event: str, fields: dict[str, str]) -> None:
        kind = " ".join((event, *fields.values()))
        times = self._unlogged[kind] = self._unlogged.get(kind, 0) + 1
        now = self._clock()
        if now - self._logged_at.get(kind, float("-inf")) >= _QUIET_SECONDS:
            self._logged_at[kind] = now
            self._unlogged[kind] = 0
            log.log(level, event, extra={**fields, "times": times})
