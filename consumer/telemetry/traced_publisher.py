"""A publisher that makes a span of each event it sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import INVALID_SPAN_CONTEXT, SpanKind

from consumer.kafka.ports import SourceError
from runtime.trace_context import extract, inject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.trace import Tracer

    from consumer.kafka.ports import Partition, Publisher
    from consumer.telemetry.spans import Spans
    from runtime.trace_context import Header


class TracedPublisher:
    """Publishes each event under a span, which continues the trace in its headers."""

    def __init__(self, publisher: Publisher, tracer: Tracer, spans: Spans) -> None:
        self._publisher = publisher
        self._tracer = tracer
        self._spans = spans

    async def publish(
        self, topic: str, *, key: bytes | None, value: bytes, headers: Sequence[Header] = ()
    ) -> tuple[Partition, int]:
        """Write one event and return its place."""
        parent = extract(headers)
        span = self._tracer.start_span(
            f"send {topic}",
            self._spans.context(parent),
            SpanKind.PRODUCER,
            self._spans.attributes(
                messaging__system="kafka",
                messaging__operation__name="send",
                messaging__operation__type="send",
                messaging__destination__name=topic,
            ),
        )
        context = span.get_span_context()
        if context.span_id != (parent or INVALID_SPAN_CONTEXT).span_id:  # else traces are off: headers stay as they are
            headers = inject(headers, context)
        error: str | None = "interrupted"
        try:
            at, offset = await self._publisher.publish(topic, key=key, value=value, headers=headers)
            error = None
        except SourceError as refused:
            error = type(refused).__name__
            raise
        else:
            span.set_attributes(
                self._spans.attributes(
                    messaging__destination__partition__id=str(at.number), messaging__kafka__offset=offset
                )
            )
        finally:
            if error is not None:
                span.set_attributes(self._spans.attributes(error__type=error))
            self._spans.finish(span, error)
        return at, offset
