"""Spans to a collector by OTLP over HTTP, from the SDK's thread; the SDK reads its own variables, OTEL_*."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanKind

_FLUSH_SECONDS = 3.0
_QUIET_SECONDS = 600.0
"""Shortest time between two warnings about a collector that cannot be reached."""
_FIRST_REDIRECT = 300

log = logging.getLogger(__name__)


class Otlp:
    """A tracer that sends its spans to a collector.

    Args:
        endpoint: base URL of the collector; OTEL_EXPORTER_OTLP_TRACES_ENDPOINT overrides it.
        name: of the service.
        version: of the service.
        chosen: returns trace and span ids for the next span; None for random ones.

    Raises:
        ValueError: the SDK rejects its variables.
    """

    def __init__(self, endpoint: str, *, name: str, version: str, chosen: Callable[[], tuple[int, int] | None]) -> None:
        self._exporter = _Exporter(endpoint)
        resource = _resource(name, version)
        self._provider = TracerProvider(resource=resource, id_generator=ChosenIds(chosen), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self.tracer = self._provider.get_tracer(name, version)

    def is_sampled(self, trace_id: int, name: str, kind: SpanKind) -> bool:
        """Return whether the sampler records a root span of this trace."""
        decision = self._provider.sampler.should_sample(None, trace_id, name, kind).decision
        return decision is Decision.RECORD_AND_SAMPLE

    async def close(self) -> None:
        """Send the remaining spans within three seconds, then drop them."""
        ending = threading.Thread(target=self._provider.shutdown, name="traces-end", daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, _FLUSH_SECONDS)
        if ending.is_alive():
            log.warning("traces.given_up")
            self._exporter.shutdown()


class ChosenIds(RandomIdGenerator):
    """Chosen ids, else random ones."""

    def __init__(self, chosen: Callable[[], tuple[int, int] | None]) -> None:
        self._chosen = chosen

    def generate_trace_id(self) -> int:
        """Return a trace id."""
        chosen = self._chosen()
        return chosen[0] if chosen else super().generate_trace_id()

    def generate_span_id(self) -> int:
        """Return a span id."""
        chosen = self._chosen()
        return chosen[1] if chosen else super().generate_span_id()


class _Exporter(SpanExporter):
    """Sends spans; logs the first failure and the recovery. The SDK's own log is off: it repeats headers, with keys."""

    def __init__(self, endpoint: str) -> None:
        self._session = _Session()
        override = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        self._otlp = OTLPSpanExporter(endpoint=override or f"{endpoint}/v1/traces", session=self._session)
        self._lock = threading.Lock()
        self._ended = False
        self._failing = False
        self._warned_at = float("-inf")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._otlp.export(spans)
        if self._session.redirected:  # the SDK follows none, and takes it for success
            result = SpanExportResult.FAILURE
        if not self._ended:
            self._report(failed=result is not SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        # Pending retries end as well.
        with self._lock:
            ended, self._ended = self._ended, True
        if not ended:
            self._otlp.shutdown()  # type: ignore[no-untyped-call] # the exporter has no types just here

    def _report(self, *, failed: bool) -> None:
        now = time.monotonic()
        if failed and not self._failing and now - self._warned_at >= _QUIET_SECONDS:
            self._warned_at = now
            self._failing = True
            log.warning("traces.undelivered", extra={"reason": self._session.last})
        elif self._failing and not failed:
            self._failing = False
            log.info("traces.delivered")


class _Session(requests.Session):
    """Remembers the last result: `http-` and a status, or the type of the exception."""

    last = "unsent"
    redirected = False

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401 (passed through)
        self.redirected = False
        try:
            response = super().request(*args, **kwargs)
        except requests.RequestException as error:
            self.last = type(error).__name__
            raise
        self.last = f"http-{response.status_code}"
        self.redirected = response.status_code >= _FIRST_REDIRECT and response.ok
        return response


def _resource(name: str, version: str) -> Resource:
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES override our own values.
    configured = Resource.create()
    ours = {"service.version": version, "service.instance.id": str(uuid.uuid4())}
    ours = {key: value for key, value in ours.items() if key not in configured.attributes}
    if str(configured.attributes.get("service.name", "unknown_service")).startswith("unknown_service"):
        ours["service.name"] = name
    return configured.merge(Resource(ours))
