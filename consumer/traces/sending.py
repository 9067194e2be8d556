"""Sending: a span for each event that we put on a topic, and its context in the event's headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind

from consumer.source import SourceError
from consumer.traces.context import found, put_into
from consumer.traces.spans import told_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.trace import Tracer

    from consumer.source import Partition, Publisher
    from consumer.traces.context import Header
    from consumer.traces.spans import Spans


class TracedPublisher:
    """Writes events as another publisher does, and tells of it.

    The span goes on with the trace context in the event's headers, else begins a trace of its own.
    """

    def __init__(self, publisher: Publisher, tracer: Tracer, spans: Spans) -> None:
        self._publisher = publisher
        self._tracer = tracer
        self._spans = spans

    async def publish(
        self, topic: str, *, key: bytes | None, value: bytes, headers: Sequence[Header] = ()
    ) -> tuple[Partition, int]:
        """Write one event; give where it is. Raises what the other publisher raises."""
        span = self._tracer.start_span(
            f"send {topic}",
            self._spans.context(found(headers)),
            SpanKind.PRODUCER,
            self._spans.attributes(
                messaging__system="kafka",
                messaging__operation__name="send",
                messaging__operation__type="send",
                messaging__destination__name=topic,
            ),
        )
        error: str | None = "interrupted"
        try:
            at, offset = await self._publisher.publish(
                topic, key=key, value=value, headers=put_into(headers, told_of(span))
            )
            where = self._spans.attributes(
                messaging__destination__partition__id=str(at.number), messaging__kafka__offset=offset
            )
            span.set_attributes(where)
            error = None
        except SourceError as refused:
            error = type(refused).__name__
            raise
        finally:
            if error is not None:
                span.set_attributes(self._spans.attributes(error__type=error))
            self._spans.finish(span, error)
        return at, offset
