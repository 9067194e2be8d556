from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import SpanContext, TraceFlags, TraceState

from consumer.notices import MemoTaken
from runtime.trace_context import extract, inject
from storage.ledger import MemoKey

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
WELL = f"00-{TRACE}-{SPAN}-01".encode()


def context_of(trace_id: int, span_id: int, flags: int = 1, state: str = "") -> SpanContext:
    """Return a context as it comes with an event."""
    entries = TraceState.from_header([state])
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags), trace_state=entries)


KNOWN = context_of(int(TRACE, 16), int(SPAN, 16))

names = st.sampled_from(["traceparent", "Traceparent", "tracestate", "other", "voicememo-reason"])
headers = st.lists(st.tuples(names, st.one_of(st.binary(max_size=600), st.just(WELL))), max_size=6)
members = st.from_regex(r"[a-z][a-z0-9_*/-]{0,5}=[!-+\--<>-~]{1,8}", fullmatch=True)
contexts = st.builds(
    context_of,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.integers(0, 3),
    st.lists(members, max_size=30, unique_by=lambda member: member.partition("=")[0]).map(",".join),
)


def test_a_traceparent_is_read() -> None:
    """Version 00 gives trace, parent and flags; white space around it and the case of its name do not matter."""
    assert extract([("other", b"x"), ("traceparent", WELL)]) == KNOWN
    assert extract([("TraceParent", b" " + WELL + b"\t")]) == KNOWN


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"00",
        WELL[:-1],
        WELL.upper(),
        WELL + b"-more",
        WELL + b" 1",
        WELL.replace(b"-", b"_"),
        WELL.replace(TRACE.encode(), b"0" * 32),
        WELL.replace(SPAN.encode(), b"0" * 16),
        b"ff" + WELL[2:],
        b"0x" + WELL[2:],
        b"01" + WELL[2:] + b".more",
        b"\xff" * 55,
    ],
)
def test_what_is_no_traceparent_is_none(value: bytes) -> None:
    """What the specification calls invalid counts as absent."""
    assert extract([("traceparent", value), ("tracestate", b"a=1")]) is None


def test_a_later_version_is_read_as_far_as_we_know_it() -> None:
    """Of a version to come trace, parent and the sampled flag are read, and what follows them is not."""
    assert extract([("traceparent", b"cc" + WELL[2:-2] + b"ff-what-will-be")]) == KNOWN


def test_unknown_flags_are_not_passed_on() -> None:
    """Only sampled and random have a meaning yet."""
    context = extract([("traceparent", WELL[:-2] + b"fe")])
    assert context is not None
    assert context.trace_flags == 2


def test_of_two_traceparents_neither_holds() -> None:
    """Either might be the right one."""
    assert extract([("traceparent", WELL), ("traceparent", WELL)]) is None
    assert extract([]) is None


def test_several_tracestates_are_one_list() -> None:
    """They are joined in their order; what is too long or not printable is left out, and the parent stands."""
    several = extract([("traceparent", WELL), ("tracestate", b"a=1"), ("tracestate", b" b=2 ")])
    assert several is not None
    assert several.trace_state.to_header() == "a=1,b=2"
    for unfit in (b"a=" + b"x" * 511, b"a=\x00", "a=é".encode()):
        assert extract([("traceparent", WELL), ("tracestate", unfit)]) == KNOWN


def test_tracestate_is_not_shown() -> None:
    """Strangers fill it, so no notice's repr repeats it (I6)."""
    assert "private" not in repr(MemoTaken(MemoKey("chat", "message"), 1, trace=context_of(1, 2, 1, "a=private")))


@given(headers, contexts)
def test_what_is_put_is_extract(others: list[tuple[str, bytes]], context: SpanContext) -> None:
    """A context that was put into headers is found there, whatever they held before; all others stay as they were."""
    carried = inject(others, context)
    assert extract(carried) == context
    ours = {"traceparent", "tracestate"}
    assert [each for each in carried if each[0].lower() not in ours] == [
        each for each in others if each[0].lower() not in ours
    ]
    assert inject(carried, context) == carried


@given(headers)
def test_no_headers_make_it_fail(anything: list[tuple[str, bytes]]) -> None:
    """Whatever stands in headers, there is a valid context or none."""
    context = extract(anything)
    assert context is None or (0 < context.trace_id < 2**128 and 0 < context.span_id < 2**64)


def test_what_is_wrong_with_headers_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Strangers cannot fill the log with their headers, nor put words into it."""
    extract([("traceparent", b"0" * 600)])
    for unfit in (b"a=" + b"x" * 511, b"no member", ",".join(f"a{number}=1" for number in range(40)).encode()):
        assert extract([("traceparent", WELL), ("tracestate", unfit)]) is not None
    assert caplog.records == []
