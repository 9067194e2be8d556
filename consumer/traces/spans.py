"""Spans: the listener that makes a span of each try of a memo, with its stages and their rungs under it.

The flow knows nothing of spans: it tells what is over and how long that took, and each span is made then, whole. What
is said in attributes are constant words, numbers and the memo's id, which the logs tell too; all of it passes the
redaction of the logs. No chat, number, name or text is told (I6), and Kafka's key, which is the chat, is not either.

Names follow https://opentelemetry.io/docs/specs/semconv/messaging/kafka/; our own begin with `voicememo.`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from consumer.notices import (
    MemoFenced,
    MemoParked,
    MemoReleased,
    MemoSettled,
    MemoTaken,
    RungFailed,
    RungServed,
    StageFailed,
    StageFinished,
)
from consumer.traces.context import TraceContext
from storage.ledger import State

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

    from consumer.notices import Notice, Subject
    from consumer.redaction import Plain, Redactor
    from consumer.traces.ids import SpanIds
    from storage.ledger import Place

_MOST_OPEN = 4096
"""Tries that are traced at once: more than a worker may have in hand."""
_MOST_SPANS = 500
"""Of one try: half an hour of speech is some sixty pieces, each with a whole ladder."""
_UNWELL = frozenset({State.FAILED.value, State.DEAD.value})
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Rung:
    """A rung that was tried, whose stage is not over yet; times in nanoseconds since the epoch."""

    name: str
    start: int
    end: int
    error: str | None


@dataclass(slots=True)
class _Try:
    """One try of a memo, under way."""

    span: Span
    epoch: int
    """What the monotonic clock lags behind the epoch, in nanoseconds: no step of the wall clock bends a try."""
    rungs: dict[str, list[_Rung]] = field(default_factory=dict)
    """Stage → its rungs, until it is told of."""
    spans: int = 0
    omitted: int = 0

    def now(self) -> int:
        """Tell the time, in nanoseconds since the epoch."""
        return self.epoch + time.monotonic_ns()

    def room(self) -> bool:
        """Count one more span; say whether it is to be made."""
        self.spans += 1
        self.omitted += self.spans > _MOST_SPANS
        return self.spans <= _MOST_SPANS


class Spans:
    """Makes spans of notices; a listener for the event loop's thread.

    Args:
        tracer: of the SDK, with `ids` as its generator.
        ids: of memos.
        redactor: makes values fit to be told.
        group: Kafka's consumer group.
    """

    def __init__(self, tracer: Tracer, ids: SpanIds, redactor: Redactor, group: str) -> None:
        self._tracer = tracer
        self._ids = ids
        self._redactor = redactor
        self._group = group
        self._tries: dict[Subject, _Try] = {}

    def __call__(self, notice: Notice) -> None:
        """Follow a memo."""
        match notice:
            case MemoTaken():
                self._begin(notice)
            case RungServed():
                self._rung(notice, None)
            case RungFailed():
                self._rung(notice, notice.error)
            case StageFinished(key, stage, seconds, rung):
                self._stage(key, stage, seconds, rung, None)
            case StageFailed(key, stage, seconds, error):
                self._stage(key, stage, seconds, None, error)
            case MemoSettled(key, outcome, reason, form):
                self._end(key, outcome, reason, unwell=outcome in _UNWELL, form=form)
            case MemoParked(key, reason):
                self._end(key, "parked", reason, unwell=True)
            case MemoReleased(key, _, reason):
                self._end(key, "released", reason)
            case MemoFenced(key):
                self._end(key, "fenced", "fenced", unwell=True)
            case _:
                pass

    def close(self) -> None:
        """End what is still open: nobody will tell how it went on."""
        for key in list(self._tries):
            self._end(key, "interrupted", None)

    def context(self, parent: TraceContext | None) -> Context:
        """Give the SDK's context for a span of somebody else; with None, one in which there is no span."""
        if parent is None:
            return Context()
        spoken_for = self._redactor.text(parent.state)
        state = TraceState.from_header([parent.state]) if spoken_for == parent.state else TraceState()
        remote = SpanContext(
            parent.trace_id, parent.span_id, is_remote=True, trace_flags=TraceFlags(parent.flags), trace_state=state
        )
        return set_span_in_context(NonRecordingSpan(remote), Context())

    def attributes(self, **values: Plain) -> dict[str, str | int | float | bool]:
        """Make attributes: a double underscore stands for a dot, None is left out, and the rest is redacted."""
        names = {name.replace("__", "."): value for name, value in values.items() if value is not None}
        plain = {name: self._redactor.field(name, value) for name, value in names.items()}
        return {name: value for name, value in plain.items() if isinstance(value, str | int | float | bool)}

    def _begin(self, taken: MemoTaken) -> None:
        self._end(taken.key, "interrupted", None)
        if len(self._tries) >= _MOST_OPEN:
            return
        topic = taken.place.topic if taken.place else None
        with self._ids.asked(self._ids.trace_of(taken.key), self._ids.span_of(taken.key, taken.fence)):
            now = time.time_ns()
            span = self._tracer.start_span(
                f"process {topic}" if topic else "process",
                self.context(taken.trace),
                SpanKind.CONSUMER,
                self.attributes(
                    **_stands(taken.place),
                    messaging__operation__name="process",
                    messaging__operation__type="process",
                    messaging__consumer__group__name=self._group,
                    voicememo__message_id=taken.key.message_id,
                    voicememo__claim=taken.fence,
                ),
                start_time=now,
            )
        self._tries[taken.key] = _Try(span, now - time.monotonic_ns())

    def _rung(self, told: RungServed | RungFailed, error: str | None) -> None:
        under_way = self._tries.get(told.key)
        if under_way is None or not under_way.room():
            return
        end = under_way.now() - round(told.told_after_seconds * _NANOSECONDS)
        start = end - round(told.seconds * _NANOSECONDS)
        under_way.rungs.setdefault(told.stage, []).append(_Rung(told.rung, start, end, error))

    def _stage(self, key: Subject, stage: str, seconds: float, rung: str | None, error: str | None) -> None:
        under_way = self._tries.get(key)
        if under_way is None or not under_way.room():
            return
        end = under_way.now()
        span = self._tracer.start_span(
            stage,
            set_span_in_context(under_way.span, Context()),
            attributes=self.attributes(
                voicememo__stage=stage,
                voicememo__rung=rung,
                voicememo__seconds=round(seconds, 3),
                error__type=error,
            ),
            start_time=end - round(seconds * _NANOSECONDS),
        )
        self._rungs(span, stage, under_way.rungs.pop(stage, []))
        self.finish(span, error, end)

    def _rungs(self, parent: Span, stage: str, rungs: list[_Rung]) -> None:
        for rung in rungs:
            span = self._tracer.start_span(
                f"{stage} {rung.name}",
                set_span_in_context(parent, Context()),
                attributes=self.attributes(
                    voicememo__stage=stage,
                    voicememo__rung=rung.name,
                    voicememo__seconds=round((rung.end - rung.start) / _NANOSECONDS, 3),
                    error__type=rung.error,
                ),
                start_time=rung.start,
            )
            self.finish(span, rung.error, rung.end)

    def _end(
        self, key: Subject, state: str, reason: str | None, *, unwell: bool = False, form: str | None = None
    ) -> None:
        under_way = self._tries.pop(key, None)
        if under_way is None:
            return
        for stage, rungs in under_way.rungs.items():  # of stages that nobody told the end of
            self._rungs(under_way.span, stage, rungs)
        error = (reason or state) if unwell else None
        told = self.attributes(
            voicememo__state=state,
            voicememo__reason=reason,
            voicememo__form=form,
            voicememo__spans_omitted=under_way.omitted or None,
            error__type=error,
        )
        under_way.span.set_attributes(told)
        self.finish(under_way.span, error, under_way.now())

    def finish(self, span: Span, error: str | None, end: int | None = None) -> None:
        """End a span, in error where there is a word for that; `end` in nanoseconds since the epoch, or now."""
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, self._redactor.text(error)))
        span.end(end)


def _stands(place: Place | None) -> dict[str, Plain]:
    """Say where an event stands in Kafka."""
    told: dict[str, Plain] = {"messaging__system": "kafka"}
    if place is not None:
        told |= {
            "messaging__destination__name": place.topic,
            "messaging__destination__partition__id": str(place.partition),
            "messaging__kafka__offset": place.offset,
        }
    return told


def told_of(span: Span) -> TraceContext:
    """Give the context of a span, to be passed on."""
    context = span.get_span_context()
    return TraceContext(context.trace_id, context.span_id, context.trace_flags, context.trace_state.to_header())
