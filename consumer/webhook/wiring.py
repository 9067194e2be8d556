"""Wiring of the webhook server."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from consumer.kafka.client import partition_count
from consumer.kafka.publisher import KafkaPublisher
from consumer.telemetry import tracing
from consumer.webhook.metrics import WebhookLog, WebhookMetrics
from consumer.webhook.server import WebhookServer
from consumer.webhook.signatures import Verifier
from runtime.health.vitals import Vitals
from runtime.settings.faults import required

if TYPE_CHECKING:
    from consumer.settings import Settings
    from runtime.signals import Stop

log = logging.getLogger(__name__)


async def run(settings: Settings, stop: Stop) -> None:
    """Take webhooks until `stop`; then finish those in progress.

    Raises:
        ConfigurationError: WEBHOOK_SECRETS is not set.
        SourceError: Kafka cannot be used.
        ListenError: a port cannot be bound.
    """
    secrets = required(settings.webhook.secrets or None, "WEBHOOK_SECRETS")
    verifier = Verifier(tuple(each.get_secret_value() for each in secrets), settings.webhook.tolerance_seconds)
    metrics = WebhookMetrics()
    async with AsyncExitStack() as closing:
        vitals = Vitals(metrics, host=settings.vitals.host, port=settings.vitals.port, why_unwell=lambda: None)
        await vitals.start()
        closing.push_async_callback(vitals.stop)
        traces = await asyncio.to_thread(tracing.begin, settings)
        closing.push_async_callback(traces.close)
        publisher = KafkaPublisher(settings.kafka.login())
        closing.push_async_callback(publisher.close)
        door = WebhookServer(
            traces.publisher(publisher),
            settings.kafka.topic,
            verifier,
            metrics,
            WebhookLog(),
            host=settings.webhook.host,
            port=settings.webhook.port,
            path=settings.webhook.path,
        )
        metrics.watch(door)
        if await partition_count(settings.kafka.login(), settings.kafka.topic) is None:
            log.warning("topic.absent", extra={"topic": settings.kafka.topic})
        await door.open()
        closing.push_async_callback(door.close)
        _enter(vitals, "open", door.port)
        await stop.requested.wait()
        _enter(vitals, "draining", door.port)
    log.info("door.changed", extra={"phase": "stopped"})


def _enter(vitals: Vitals, phase: str, port: int) -> None:
    vitals.phase = phase
    log.info("door.changed", extra={"phase": phase, "port": port})
