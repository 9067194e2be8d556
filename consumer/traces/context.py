"""Trace context: whose work we go on with, and who goes on with ours, as the headers of an event say it. Pure.

Format: https://www.w3.org/TR/trace-context/. Kafka's headers may repeat, and HTTP's rules are kept: of two traceparents
neither holds, and several tracestates are one list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Header: TypeAlias = "tuple[str, bytes]"

SAMPLED = 0x01
"""The flag that says: it is being recorded."""

_PARENT, _STATE = "traceparent", "tracestate"
_PRINTABLE = re.compile(rb"[ -~]*")
_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_KNOWN_FLAGS = 0x03
"""Sampled and, from level 2 on, random; whatever else is set has no meaning yet, and is not passed on."""
_NO_VERSION = 0xFF
_LONGEST_STATE = 512


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A span of some trace, and what is to be passed on with it."""

    trace_id: int
    """128 bits, never 0."""
    span_id: int
    """64 bits, never 0."""
    flags: int = SAMPLED
    state: str = field(default="", repr=False)
    """tracestate: entries of whoever took part; printable ASCII, and empty where there is none."""

    @property
    def trace(self) -> str:
        """The trace's id as people search for it: 32 hexadecimal digits."""
        return f"{self.trace_id:032x}"


def found(headers: Sequence[Header]) -> TraceContext | None:
    """Read the trace context of an event; None when there is none that holds."""
    parents = [value for name, value in headers if name.lower() == _PARENT]
    match = _TRACEPARENT.fullmatch(parents[0].strip(b" \t")) if len(parents) == 1 else None
    if match is None:
        return None
    version, flags = int(match[1], 16), int(match[4], 16)
    trace_id, span_id = int(match[2], 16), int(match[3], 16)
    if version == _NO_VERSION or (version == 0 and match[5]) or not trace_id or not span_id:
        return None
    known = _KNOWN_FLAGS if version == 0 else SAMPLED
    return TraceContext(trace_id, span_id, flags & known, _state(headers))


def put_into(headers: Sequence[Header], context: TraceContext | None) -> tuple[Header, ...]:
    """Give the headers with this trace context instead of the one that they had; with None, as they are."""
    if context is None:
        return tuple(headers)
    others = [(name, value) for name, value in headers if name.lower() not in {_PARENT, _STATE}]
    parent = f"00-{context.trace}-{context.span_id:016x}-{context.flags:02x}"
    state = [(_STATE, context.state.encode("ascii"))] if context.state else []
    return (*others, (_PARENT, parent.encode("ascii")), *state)


def _state(headers: Sequence[Header]) -> str:
    """Join what came as tracestate; nothing, where it is longer than anybody has to pass on, or no printable ASCII."""
    whole = b",".join(value.strip(b" \t") for name, value in headers if name.lower() == _STATE)
    fits = len(whole) <= _LONGEST_STATE and _PRINTABLE.fullmatch(whole)
    return whole.decode("ascii") if fits else ""
