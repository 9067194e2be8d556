from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags, TraceState

from consumer.kafka.ports import Partition, SourceError
from consumer.notices import MemoFenced, MemoParked, MemoReleased, MemoSettled, MemoTaken, OffsetsCommitted
from consumer.telemetry.span_ids import SpanIds
from consumer.telemetry.spans import Spans
from consumer.telemetry.traced_publisher import TracedPublisher
from conversation.notices import RungFailed, RungServed, StageFailed, StageFinished
from runtime.otlp import ChosenIds
from runtime.redaction import MASK, Redactor
from runtime.trace_context import extract
from storage.ledger import MemoKey, Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.notices import Notice

KEY, OTHER = MemoKey("chat-1", "message-1"), MemoKey("chat-2", "message-2")
PLACE = Place("message.received", 3, 41)
SETTLED = MemoSettled(KEY, "answered", None, "voice", 4.2)


class SpanRecorder:
    """The listener, and what it makes of notices."""

    def __init__(self, secret: bytes = b"secret") -> None:
        self._exporter = InMemorySpanExporter()
        ids = SpanIds(secret)
        provider = TracerProvider(id_generator=ChosenIds(lambda: ids.chosen), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = provider.get_tracer("test")
        self.listener = Spans(self.tracer, ids, Redactor({"s3cr3t"}), "group")

    def __call__(self, *notices: Notice) -> list[ReadableSpan]:
        """Send notices; return the spans that have ended by then, the earlier first."""
        for notice in notices:
            self.listener(notice)
        return list(self._exporter.get_finished_spans())


def parent_of(span: ReadableSpan) -> int | None:
    """Return the id of the span above."""
    return span.parent.span_id if span.parent else None


def error_of(span: ReadableSpan) -> str | None:
    """Return the error's constant word."""
    return span.status.description if span.status.status_code is StatusCode.ERROR else None


def about(span: ReadableSpan, name: str) -> object:
    """Return an attribute of ours."""
    return (span.attributes or {}).get(f"voicememo.{name}")


@pytest.mark.parametrize(
    ("end", "state", "error"),
    [
        (MemoSettled(KEY, "answered", None, "voice", 4.2), "answered", None),
        (MemoSettled(KEY, "apologised", "silence", "voice", 4.2), "apologised", None),
        (MemoSettled(KEY, "ignored", "no-audio", None, 4.2), "ignored", None),
        (MemoSettled(KEY, "failed", "deliver-gone", None, 4.2), "failed", "deliver-gone"),
        (MemoSettled(KEY, "dead", "bug-KeyError", None, 4.2), "dead", "bug-KeyError"),
        (MemoParked(KEY, "deliver-unavailable", 2.0, 1), "parked", "deliver-unavailable"),
        (MemoFenced(KEY, 1), "fenced", "fenced"),
        (MemoReleased(KEY, 1, "cancelled"), "released", None),
        (MemoTaken(KEY, 2), "interrupted", None),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else None,
)
def test_each_end_ends_the_span(end: Notice, state: str, error: str | None) -> None:
    """However a try of a memo ends, its span ends there, and is in error unless the memo was answered or let go."""
    (span,) = SpanRecorder()(MemoTaken(KEY, 1, PLACE), end)
    assert (span.name, about(span, "state"), error_of(span)) == ("process message.received", state, error)


def test_what_is_open_at_the_end_is_reported() -> None:
    """When the worker ends, tries that have not ended are interrupted."""
    told = SpanRecorder()
    assert told(MemoTaken(KEY, 1), MemoTaken(OTHER, 1)) == []
    told.listener.close()
    assert [(span.name, about(span, "state")) for span in told()] == [("process", "interrupted")] * 2


def test_rungs_stand_under_their_stage() -> None:
    """Rungs come before their stage and stand under it, each when it was; those of a lost stage under the memo."""
    spans = SpanRecorder()(
        MemoTaken(KEY, 1),
        RungFailed(KEY, "hear", "first", 2.0, "unavailable", 3.0),
        StageFinished(KEY, "recall", 0.5),
        RungServed(KEY, "hear", "second", 3.0),
        StageFinished(KEY, "hear", 5.0, "second"),
        RungFailed(KEY, "speak", "voice", 1.0, "timed-out"),
        StageFailed(KEY, "fetch", 1.0, "gone"),
        SETTLED,
    )
    named = {span.name: span for span in spans}
    memo, hear = named["process"], named["hear"]
    assert parent_of(memo) is None
    assert [parent_of(named[name]) == memo.context.span_id for name in ("recall", "hear", "fetch", "speak voice")] == [
        True
    ] * 4
    assert [parent_of(named[name]) == hear.context.span_id for name in ("hear first", "hear second")] == [True, True]
    assert (error_of(named["hear first"]), error_of(named["hear second"])) == ("unavailable", None)
    assert error_of(named["fetch"]) == "gone"
    assert _lasts(named["hear first"]) == pytest.approx(2.0)
    assert _lasts(named["hear"]) == pytest.approx(5.0)
    assert (named["hear first"].end_time or 0) <= (named["hear second"].start_time or 0) + 50_000_000


def _lasts(span: ReadableSpan) -> float:
    return ((span.end_time or 0) - (span.start_time or 0)) / 1e9


def test_tries_of_a_memo_are_one_trace() -> None:
    """Workers of a group put the tries of one memo into one trace, each as its own span; other memos have others."""
    here, there, stranger = SpanRecorder(), SpanRecorder(), SpanRecorder(b"another secret")
    (first,) = here(MemoTaken(KEY, 1), MemoParked(KEY, "deliver-unavailable", 2.0, 1))
    (second,) = there(MemoTaken(KEY, 2), SETTLED)
    assert first.context.trace_id == second.context.trace_id
    assert first.context.span_id != second.context.span_id
    (foreign,) = stranger(MemoTaken(KEY, 1), SETTLED)
    assert foreign.context.trace_id != first.context.trace_id
    assert here(MemoTaken(OTHER, 1), MemoFenced(OTHER, 1))[-1].context.trace_id != first.context.trace_id


def test_memos_side_by_side_do_not_mix() -> None:
    """Stages go to their own memo; memos that were not taken have no spans."""
    spans = SpanRecorder()(
        StageFinished(KEY, "early", 1.0),
        RungServed(KEY, "early", "rung", 1.0),
        MemoSettled(KEY, "answered", None, None, 1.0),
        MemoTaken(KEY, 1),
        MemoTaken(OTHER, 1),
        StageFinished(OTHER, "theirs", 1.0),
        StageFinished(KEY, "ours", 1.0),
        OffsetsCommitted(1),
        SETTLED,
        MemoFenced(OTHER, 1),
    )
    memos = {str(about(span, "message_id")): span.context for span in spans if span.name == "process"}
    above = {span.name: parent_of(span) for span in spans if span.name != "process"}
    assert above == {"ours": memos["message-1"].span_id, "theirs": memos["message-2"].span_id}


def test_a_memo_has_no_end_of_spans() -> None:
    """However much happens to one memo, its spans have an end, and how many were omitted is recorded (I9)."""
    told = SpanRecorder()
    told(MemoTaken(KEY, 1))
    for number in range(700):
        told.listener(RungServed(KEY, "hear", f"rung-{number}", 1.0))
    told(StageFinished(KEY, "hear", 1.0))
    spans = told(SETTLED)
    assert len(spans) == 501
    assert about(spans[-1], "spans_omitted") == 201


def test_nothing_private_is_reported() -> None:
    """No chat is exported; and what looks like a number or is a secret is masked, wherever it turns up (I6)."""
    key = MemoKey("chat-of-a-person", "+1 555 010 0123")
    trace = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("vendor", "s3cr3t")]))
    spans = SpanRecorder()(
        MemoTaken(key, 1, PLACE, trace),
        RungFailed(key, "hear", "first", 1.0, "s3cr3t"),
        StageFailed(key, "hear", 1.0, "+15550100123"),
        MemoSettled(key, "failed", "hear-+15550100123", None, 1.0),
    )
    assert len(spans) == 3
    whole = "".join(span.to_json() for span in spans)
    assert not [text for text in ("chat-of", "0123", "s3cr3t") if text in whole]
    assert [error_of(span) for span in spans] == [MASK, MASK, f"hear-{MASK}"]


class Topics:
    """A publisher that remembers, or fails."""

    def __init__(self, failure: BaseException | None = None) -> None:
        self.failure = failure
        self.headers: list[Sequence[tuple[str, bytes]]] = []

    async def publish(
        self, topic: str, *, key: bytes | None, value: bytes, headers: Sequence[tuple[str, bytes]] = ()
    ) -> tuple[Partition, int]:
        """Remember the headers."""
        assert key is not None
        assert value
        if self.failure is not None:
            raise self.failure
        self.headers.append(headers)
        return Partition(topic, 2), 7


async def test_what_is_sent_carries_its_span() -> None:
    """The span of a sending stands under the context that came, and goes on in the headers; its key is not exported."""
    told, topics = SpanRecorder(), Topics()
    publisher = TracedPublisher(topics, told.tracer, told.listener)
    given = [("a", b"1"), ("traceparent", f"00-{'a' * 32}-{'b' * 16}-01".encode()), ("tracestate", b"v=1")]
    assert await publisher.publish("events", key=b"chat-1", value=b"{}", headers=given) == (Partition("events", 2), 7)
    assert await publisher.publish("events", key=b"chat-1", value=b"{}") == (Partition("events", 2), 7)
    child, root = told()
    assert (child.name, parent_of(child), parent_of(root)) == ("send events", int("b" * 16, 16), None)
    for span, headers in zip((child, root), topics.headers, strict=True):
        carried = extract(headers)
        assert carried is not None
        assert (carried.trace_id, carried.span_id) == (span.context.trace_id, span.context.span_id)
    assert topics.headers[0][0] == ("a", b"1")
    assert topics.headers[0][-1] == ("tracestate", b"v=1")
    assert "chat-1" not in child.to_json()
    assert dict(child.attributes or {}) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "events",
        "messaging.destination.partition.id": "2",
        "messaging.kafka.offset": 7,
    }


@pytest.mark.parametrize(
    ("failure", "word"), [(SourceError("no broker at 10.0.0.1"), "SourceError"), (KeyError("bug"), "interrupted")]
)
async def test_a_sending_that_fails_is_an_error(failure: Exception, word: str) -> None:
    """The failure passes through as it is, and of it the span tells a word alone."""
    told = SpanRecorder()
    publisher = TracedPublisher(Topics(failure), told.tracer, told.listener)
    with pytest.raises(type(failure)):
        await publisher.publish("events", key=b"k", value=b"v")
    (span,) = told()
    assert error_of(span) == word
    assert "10.0.0.1" not in span.to_json()
    assert not span.events
