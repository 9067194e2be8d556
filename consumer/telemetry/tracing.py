"""Tracing of memos and published events, sent where OTEL_EXPORTER_OTLP_ENDPOINT says."""

from __future__ import annotations

import importlib
import os
import uuid
from typing import TYPE_CHECKING, Final

from opentelemetry.trace import NoOpTracer, SpanContext, SpanKind, TraceFlags

from consumer.telemetry.span_ids import SpanIds
from consumer.telemetry.spans import Spans
from consumer.telemetry.traced_publisher import TracedPublisher
from runtime.metrics import running_version
from runtime.redaction import Redactor
from runtime.settings.faults import ConfigurationError, Fault
from runtime.settings.variables import secrets_of
from runtime.trace_context import extract, inject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.kafka.ports import Publisher
    from consumer.notices import Listener
    from consumer.settings import Settings
    from runtime.otlp import Otlp
    from runtime.trace_context import Header
    from storage.ledger import DeadLetter

_SWITCH: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"


def begin(settings: Settings) -> Traces:
    """Set up tracing; slow with a collector, which needs the SDK imported.

    Raises:
        ConfigurationError: the SDK is not installed, or rejects its variables.
    """
    ids = SpanIds(_secret(settings))
    return Traces(_otlp(settings, ids), ids, Redactor(secrets_of(settings)), settings.kafka.group_id)


class Traces:
    """Spans of memos and published events; none without an `otlp`."""

    def __init__(self, otlp: Otlp | None, ids: SpanIds, redactor: Redactor, group: str) -> None:
        self._otlp = otlp
        self._ids = ids
        self._tracer = otlp.tracer if otlp else NoOpTracer()
        self._spans = Spans(self._tracer, ids, redactor, group)
        self.listeners: Sequence[Listener] = (self._spans,)

    def publisher(self, publisher: Publisher) -> Publisher:
        """Wrap a publisher, so that it makes a span of each event."""
        return TracedPublisher(publisher, self._tracer, self._spans)

    def letter_headers(self, letter: DeadLetter) -> Sequence[Header]:
        """Return a dead letter's headers with the context of its memo's last span."""
        headers = letter.event.headers
        if self._otlp is None or letter.key is None:
            return headers
        parent = extract(headers)
        if parent is None:
            trace_id, state = self._ids.trace_of(letter.key), None
            sampled = self._otlp.is_sampled(trace_id, "process", SpanKind.CONSUMER)
            flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        else:
            trace_id, flags, state = parent.trace_id, parent.trace_flags, parent.trace_state
        span_id = self._ids.span_of(letter.key, letter.fence)
        return inject(headers, SpanContext(trace_id, span_id, is_remote=False, trace_flags=flags, trace_state=state))

    async def close(self) -> None:
        """End all spans and send them, within seconds."""
        self._spans.close()
        if self._otlp is not None:
            await self._otlp.close()


def _otlp(settings: Settings, ids: SpanIds) -> Otlp | None:
    endpoint = settings.traces.endpoint
    if endpoint is None or os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    try:
        module = importlib.import_module("runtime.otlp")
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "opentelemetry":
            raise
        advice = "is set, and OpenTelemetry is not installed: pip install -e '.[otel]' in the checkout, or unset this"
        raise ConfigurationError(Fault(_SWITCH, advice)) from missing
    if os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf") != "http/protobuf":
        raise ConfigurationError(Fault("OTEL_EXPORTER_OTLP_PROTOCOL", "only http/protobuf is spoken here"))
    try:
        otlp: Otlp = module.Otlp(endpoint, name="voicememo", version=running_version(), chosen=lambda: ids.chosen)
    except ValueError as error:
        raise ConfigurationError(Fault("OTEL_BSP_*", f"the limits do not agree: {error}")) from error
    return otlp


def _secret(settings: Settings) -> bytes:
    """Return a secret that all workers of a group share."""
    messaging = settings.messaging
    secret = settings.archive.user_key or messaging.series.api_key or messaging.linq.api_key
    return secret.get_secret_value().encode() if secret else uuid.uuid4().bytes
