"""Export: the SDK, set up; what goes out to a collector by OTLP over HTTP, in a thread of its own and within bounds.

The SDK reads its own variables (OTEL_*: docs/traces.md). Its log is not listened to: it repeats headers, which hold
keys, and tells of every batch; what an operator has to know is told here, once.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import SpanKind

from consumer.metrics import running_version
from consumer.redaction import Redactor
from consumer.traces.context import SAMPLED, TraceContext, found, put_into
from consumer.traces.ids import SpanIds
from consumer.traces.sending import TracedPublisher
from consumer.traces.spans import Spans
from runtime.settings.faults import ConfigurationError, Fault
from runtime.settings.variables import secrets_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from consumer.notices import Listener
    from consumer.settings import Settings
    from consumer.source import Publisher
    from consumer.traces.context import Header
    from storage.ledger import DeadLetter

_NAME: Final = "voicememo"
_FLUSH_SECONDS = 3.0
"""How long the end waits for spans to go out, in seconds."""
_QUIET_SECONDS = 600.0
"""Between two lines about a collector that cannot be reached, in seconds."""
_FIRST_REDIRECT = 300

log = logging.getLogger(__name__)


def make_traces(endpoint: str, settings: Settings) -> Traces:
    """Set the SDK up; begins a thread, and sends nothing yet.

    Args:
        endpoint: base URL of a collector; OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, where it is set, stands above it.
        settings: whose secrets are kept, and whose names are told.

    Raises:
        ConfigurationError: the SDK will not have its variables as they are.
    """
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    if protocol != "http/protobuf":
        raise ConfigurationError(Fault("OTEL_EXPORTER_OTLP_PROTOCOL", "only http/protobuf is spoken here"))
    ids = SpanIds(_secret(settings))
    try:
        exporter = _Exporter(endpoint)
        provider = TracerProvider(resource=_resource(), id_generator=ids, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(exporter))
    except ValueError as error:
        raise ConfigurationError(Fault("OTEL_BSP_*", f"the limits do not agree: {error}")) from error
    return Traces(provider, exporter, ids, Redactor(secrets_of(settings)), settings.kafka.group_id)


class Traces:
    """Traces that are on."""

    def __init__(
        self, provider: TracerProvider, exporter: _Exporter, ids: SpanIds, redactor: Redactor, group: str
    ) -> None:
        self._provider = provider
        self._exporter = exporter
        self._ids = ids
        self._tracer = provider.get_tracer(_NAME, running_version())
        self._spans = Spans(self._tracer, ids, redactor, group)
        self.listeners: Sequence[Listener] = (self._spans,)

    def publisher(self, publisher: Publisher) -> Publisher:
        """Give a publisher that makes a span of each event, and puts its context into the event's headers."""
        return TracedPublisher(publisher, self._tracer, self._spans)

    def letter_headers(self, letter: DeadLetter) -> Sequence[Header]:
        """Give the headers of a dead letter's event, with the context of the span in which its memo died."""
        headers = letter.event.headers
        if letter.key is None:
            return headers
        span_id, parent = self._ids.span_of(letter.key, letter.fence), found(headers)
        if parent is not None:
            return put_into(headers, TraceContext(parent.trace_id, span_id, parent.flags, parent.state))
        trace_id = self._ids.trace_of(letter.key)
        return put_into(headers, TraceContext(trace_id, span_id, self._flags(trace_id)))

    async def close(self) -> None:
        """Send what was not sent yet, for a moment; then give it up, and leave nothing that anybody has to wait for."""
        self._spans.close()
        ending = threading.Thread(target=self._provider.shutdown, name="traces-end", daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, _FLUSH_SECONDS)
        if ending.is_alive():
            log.warning("traces.given_up")
            self._exporter.shutdown()

    def _flags(self, trace_id: int) -> int:
        """Say how a trace of our own was begun: the sampler goes by its id, and says the same each time."""
        decision = self._provider.sampler.should_sample(None, trace_id, "process", SpanKind.CONSUMER).decision
        return SAMPLED if decision is Decision.RECORD_AND_SAMPLE else 0


class _Exporter(SpanExporter):
    """Sends spans, and says when that fails: once, and when it goes again."""

    def __init__(self, endpoint: str) -> None:
        self._session = _Session()
        own = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        self._otlp = OTLPSpanExporter(endpoint=own or f"{endpoint}/v1/traces", session=self._session)
        self._lock = threading.Lock()
        self._ended = False
        self._failing = False
        self._told = float("-inf")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch. Called in the SDK's thread."""
        result = self._otlp.export(spans)
        if self._session.redirected:  # the SDK follows none, and takes it for success
            result = SpanExportResult.FAILURE
        if not self._ended:
            self._tell(failed=result is not SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        """Send no more, and end what waits to be tried again."""
        with self._lock:
            ended, self._ended = self._ended, True
        if not ended:
            self._otlp.shutdown()  # type: ignore[no-untyped-call] # the exporter has no types just here

    def _tell(self, *, failed: bool) -> None:
        now = time.monotonic()
        if failed and not self._failing and now - self._told >= _QUIET_SECONDS:
            self._told = now
            self._failing = True
            log.warning("traces.undelivered", extra={"reason": self._session.last})
        elif self._failing and not failed:
            self._failing = False
            log.info("traces.delivered")


class _Session(requests.Session):
    """Remembers how the last request went, for the SDK does not say."""

    last = "unsent"
    """A constant word: `http-` and a status, or the type of what went wrong."""
    redirected = False

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401 (passed through)
        """Make a request."""
        self.redirected = False
        try:
            response = super().request(*args, **kwargs)
        except requests.RequestException as error:
            self.last = type(error).__name__
            raise
        self.last = f"http-{response.status_code}"
        self.redirected = response.status_code >= _FIRST_REDIRECT and response.ok
        return response


def _resource() -> Resource:
    """Say who we are: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES stand above our own names."""
    said = Resource.create()
    names = {"service.version": running_version(), "service.instance.id": str(uuid.uuid4())}
    names = {name: value for name, value in names.items() if name not in said.attributes}
    if str(said.attributes.get("service.name", "unknown_service")).startswith("unknown_service"):
        names["service.name"] = _NAME
    return said.merge(Resource(names))


def _secret(settings: Settings) -> bytes:
    """Give a secret that all workers of a group share."""
    messaging = settings.messaging
    secret = settings.archive.user_key or messaging.series.api_key or messaging.linq.api_key
    return secret.get_secret_value().encode() if secret else uuid.uuid4().bytes
