"""The listener that makes a span of each try of a memo, with its stages and their rungs under it.

Attributes are constant words, numbers and the memo's id, redacted as logs are (I6). Names follow
https://opentelemetry.io/docs/specs/semconv/messaging/kafka/; our own begin with `voicememo.`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, set_span_in_context

from consumer.notices import MemoFenced, MemoParked, MemoReleased, MemoSettled, MemoTaken
from conversation.notices import RungFailed, RungServed, StageFailed, StageFinished
from storage.states import State

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

    from consumer.notices import Notice
    from consumer.telemetry.span_ids import SpanIds
    from conversation.notices import Subject
    from runtime.redaction import Plain, Redactor
    from storage.ledger import Place

_MOST_OPEN = 4096
"""Tries traced at once: more than a worker may work on."""
_MOST_SPANS = 500
"""Most spans of one try: half an hour of speech is some sixty pieces, each with a whole ladder."""
_FAILED = frozenset({State.FAILED.value, State.DEAD.value})
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Rung:
    """A rung tried; `end` in nanoseconds since the epoch."""

    name: str
    seconds: float
    end: int
    error: str | None


@dataclass(slots=True)
class _Try:
    """One try of a memo."""

    span: Span
    epoch: int
    """Nanoseconds from the monotonic clock to the epoch: steps of the wall clock do not change durations."""
    rungs: dict[str, list[_Rung]] = field(default_factory=dict)
    """Stage → rungs tried, until it is over."""
    spans: int = 0
    omitted: int = 0

    def now(self) -> int:
        return self.epoch + time.monotonic_ns()

    def has_room(self) -> bool:
        self.spans += 1
        self.omitted += self.spans > _MOST_SPANS
        return self.spans <= _MOST_SPANS


class Spans:
    """Makes spans of notices; for the event loop's thread only."""

    def __init__(self, tracer: Tracer, ids: SpanIds, redactor: Redactor, group: str) -> None:
        self._tracer = tracer
        self._ids = ids
        self._redactor = redactor
        self._group = group
        self._tries: dict[Subject, _Try] = {}

    def __call__(self, notice: Notice) -> None:
        """Make the spans that a notice completes."""
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
                self._end(key, outcome, reason, failed=outcome in _FAILED, form=form)
            case MemoParked(key, reason):
                self._end(key, "parked", reason, failed=True)
            case MemoReleased(key, _, reason):
                self._end(key, "released", reason)
            case MemoFenced(key):
                self._end(key, "fenced", "fenced", failed=True)
            case _:
                pass

    def close(self) -> None:
        """End all open spans as interrupted."""
        for key in list(self._tries):
            self._end(key, "interrupted", None)

    def context(self, parent: SpanContext | None) -> Context:
        """Return the context for a child of a remote span, without a tracestate that looks private."""
        if parent is None:
            return Context()
        state = parent.trace_state.to_header()
        if self._redactor.text(state) != state:
            parent = SpanContext(parent.trace_id, parent.span_id, is_remote=True, trace_flags=parent.trace_flags)
        return set_span_in_context(NonRecordingSpan(parent), Context())

    def attributes(self, **values: Plain) -> dict[str, str | int | float | bool]:
        """Build redacted attributes: a double underscore stands for a dot, None is left out."""
        names = {name.replace("__", "."): value for name, value in values.items() if value is not None}
        plain = {name: self._redactor.field(name, value) for name, value in names.items()}
        return {name: value for name, value in plain.items() if isinstance(value, str | int | float | bool)}

    def _begin(self, taken: MemoTaken) -> None:
        self._end(taken.key, "interrupted", None)
        if len(self._tries) >= _MOST_OPEN:
            return
        topic = taken.place.topic if taken.place else None
        with self._ids.choose(self._ids.trace_of(taken.key), self._ids.span_of(taken.key, taken.fence)):
            now = time.time_ns()
            span = self._tracer.start_span(
                f"process {topic}" if topic else "process",
                self.context(taken.trace),
                SpanKind.CONSUMER,
                self.attributes(
                    messaging__system="kafka",
                    **_place(taken.place),
                    messaging__operation__name="process",
                    messaging__operation__type="process",
                    messaging__consumer__group__name=self._group,
                    voicememo__message_id=taken.key.message_id,
                    voicememo__claim=taken.fence,
                ),
                start_time=now,
            )
        if span.is_recording():
            self._tries[taken.key] = _Try(span, now - time.monotonic_ns())

    def _rung(self, tried: RungServed | RungFailed, error: str | None) -> None:
        current = self._tries.get(tried.key)
        if current is None or not current.has_room():
            return
        end = current.now() - round(tried.reported_after_seconds * _NANOSECONDS)
        current.rungs.setdefault(tried.stage, []).append(_Rung(tried.rung, tried.seconds, end, error))

    def _stage(self, key: Subject, stage: str, seconds: float, rung: str | None, error: str | None) -> None:
        current = self._tries.get(key)
        if current is None or not current.has_room():
            return
        end = current.now()
        span = self._child(current.span, stage, stage=stage, rung=rung, seconds=seconds, error=error, end=end)
        self._make_rungs(span, stage, current.rungs.pop(stage, []))
        self.finish(span, error, end)

    def _make_rungs(self, parent: Span, stage: str, rungs: list[_Rung]) -> None:
        for rung in rungs:
            name, error, end = f"{stage} {rung.name}", rung.error, rung.end
            span = self._child(parent, name, stage=stage, rung=rung.name, seconds=rung.seconds, error=error, end=end)
            self.finish(span, error, end)

    def _child(
        self, parent: Span, name: str, *, stage: str, rung: str | None, seconds: float, error: str | None, end: int
    ) -> Span:
        return self._tracer.start_span(
            name,
            set_span_in_context(parent, Context()),
            attributes=self.attributes(
                voicememo__stage=stage, voicememo__rung=rung, voicememo__seconds=round(seconds, 3), error__type=error
            ),
            start_time=end - round(seconds * _NANOSECONDS),
        )

    def _end(
        self, key: Subject, state: str, reason: str | None, *, failed: bool = False, form: str | None = None
    ) -> None:
        current = self._tries.pop(key, None)
        if current is None:
            return
        for stage, rungs in current.rungs.items():  # of stages that did not end
            self._make_rungs(current.span, stage, rungs)
        error = (reason or state) if failed else None
        current.span.set_attributes(
            self.attributes(
                voicememo__state=state,
                voicememo__reason=reason,
                voicememo__form=form,
                voicememo__spans_omitted=current.omitted or None,
                error__type=error,
            )
        )
        self.finish(current.span, error, current.now())

    def finish(self, span: Span, error: str | None, end: int | None = None) -> None:
        """End a span, with an error if there is one; `end` in nanoseconds since the epoch, or now."""
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, self._redactor.text(error)))
        span.end(end)


def _place(place: Place | None) -> dict[str, Plain]:
    if place is None:
        return {}
    return {
        "messaging__destination__name": place.topic,
        "messaging__destination__partition__id": str(place.partition),
        "messaging__kafka__offset": place.offset,
    }
