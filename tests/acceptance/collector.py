"""A collector of traces on loopback: OTLP over HTTP, binary protobuf, kept as it came and read when it is asked.

The wire: https://opentelemetry.io/docs/specs/otlp/#otlphttp.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

_MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class ExportedSpan:
    """A span, as it came."""

    name: str
    trace: str
    id: str
    parent: str
    """Empty, where it has none."""
    kind: str
    error: str | None
    """What its status says; None where that is no error."""
    start: int
    end: int
    about: Mapping[str, object]


@dataclass
class Collector:
    """What was sent."""

    url: str = ""
    status: int = 200
    """What is answered."""
    location: str = ""
    """Where an answer points, if anywhere."""
    bodies: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def spans(self) -> list[ExportedSpan]:
        """All spans, in the order of their beginnings."""
        spans = [
            _exported(span)
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        return sorted(spans, key=lambda span: span.start)

    @property
    def resource(self) -> Mapping[str, object]:
        """Who sent the first of them."""
        return _about(ExportTraceServiceRequest.FromString(self.bodies[0]).resource_spans[0].resource.attributes)

    def named(self, name: str) -> ExportedSpan:
        """Give the one span of this name."""
        (span,) = [span for span in self.spans if span.name == name]
        return span

    def under(self, parent: ExportedSpan) -> list[ExportedSpan]:
        """Give the spans right under another one."""
        return [span for span in self.spans if span.parent == parent.id]

    async def has(self, batches: int) -> None:
        """Wait until that many batches came."""
        while len(self.bodies) < batches:
            self._news.clear()
            await self._news.wait()

    async def take(self, request: web.Request) -> web.Response:
        """Take a batch."""
        self.paths.append(request.path)
        self.bodies.append(await request.read())
        self._news.set()
        answer = ExportTraceServiceResponse().SerializeToString()
        headers = {"Location": f"{self.location}{request.path}"} if self.location else {}
        return web.Response(status=self.status, body=answer, headers=headers, content_type="application/x-protobuf")


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """Listen for a while."""
    collector = Collector()
    app = web.Application(client_max_size=_MOST_BYTES)
    app.router.add_post("/{path:.*}", collector.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield collector
    finally:
        await runner.cleanup()


def _exported(span: Span) -> ExportedSpan:
    error = span.status.message if span.status.code == Status.STATUS_CODE_ERROR else None
    kind = Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower()
    trace, own, parent = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    return ExportedSpan(span.name, trace, own, parent, kind, error, start, end, _about(span.attributes))


def _about(attributes: Iterable[KeyValue]) -> dict[str, object]:
    return {each.key: _value(each.value) for each in attributes}


def _value(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind else None
