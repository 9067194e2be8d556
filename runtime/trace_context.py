"""W3C Trace Context (https://www.w3.org/TR/trace-context/) in the headers of Kafka events."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeAlias

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Sequence

Header: TypeAlias = "tuple[str, bytes]"

_W3C = TraceContextTextMapPropagator()
_KNOWN_FLAGS = TraceFlags.SAMPLED | TraceFlags.RANDOM_TRACE_ID
"""Flags of version 00; others are not passed on."""

# The API logs invalid headers, which hold strangers' text, as often as they come.
logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)


def extract(headers: Sequence[Header]) -> SpanContext | None:
    """Return the trace context of an event; None without a valid one, or with two."""
    parents = _values(headers, "traceparent")
    if len(parents) != 1:
        return None
    carrier = {"traceparent": parents, "tracestate": _values(headers, "tracestate")}
    context = get_current_span(_W3C.extract(carrier, Context())).get_span_context()
    if not context.is_valid:
        return None
    known = _KNOWN_FLAGS if parents[0].startswith("00") else TraceFlags.SAMPLED
    flags = TraceFlags(context.trace_flags & known)
    return SpanContext(context.trace_id, context.span_id, True, flags, context.trace_state)  # noqa: FBT003


def inject(headers: Sequence[Header], context: SpanContext) -> tuple[Header, ...]:
    """Return the headers with this trace context in place of any they had."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, set_span_in_context(NonRecordingSpan(context), Context()))
    others = [(name, value) for name, value in headers if name.lower() not in _W3C.fields]
    return (*others, *((name, value.encode("ascii")) for name, value in carrier.items()))


def _values(headers: Sequence[Header], wanted: str) -> list[str]:
    return [value.decode("latin-1").strip(" \t") for name, value in headers if name.lower() == wanted]
