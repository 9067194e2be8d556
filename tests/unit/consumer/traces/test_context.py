from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.traces.context import TraceContext, found, put_into

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
KNOWN = TraceContext(int(TRACE, 16), int(SPAN, 16))
WELL = f"00-{TRACE}-{SPAN}-01".encode()

names = st.sampled_from(["traceparent", "Traceparent", "tracestate", "other", "voicememo-reason"])
headers = st.lists(st.tuples(names, st.one_of(st.binary(max_size=600), st.just(WELL))), max_size=6)
contexts = st.builds(
    TraceContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.integers(0, 3),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=512),
)


def test_a_traceparent_is_read() -> None:
    """Version 00 gives trace, parent and flags; white space around it and the case of its name do not matter."""
    assert found([("other", b"x"), ("traceparent", WELL)]) == KNOWN
    assert found([("TraceParent", b" " + WELL + b"\t")]) == KNOWN
    assert KNOWN.trace == TRACE


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
    assert found([("traceparent", value), ("tracestate", b"a=1")]) is None


def test_a_later_version_is_read_as_far_as_we_know_it() -> None:
    """Of a version to come trace, parent and the sampled flag are read, and what follows them is not."""
    assert found([("traceparent", b"cc" + WELL[2:-2] + b"ff-what-will-be")]) == KNOWN


def test_unknown_flags_are_not_passed_on() -> None:
    """Only sampled and random have a meaning yet."""
    context = found([("traceparent", WELL[:-2] + b"fe")])
    assert context is not None
    assert context.flags == 2


def test_of_two_traceparents_neither_holds() -> None:
    """Nobody can say which one is right."""
    assert found([("traceparent", WELL), ("traceparent", WELL)]) is None
    assert found([]) is None


def test_several_tracestates_are_one_list() -> None:
    """They are joined in their order; what is too long or not printable is left out, and the parent stands."""
    several = found([("traceparent", WELL), ("tracestate", b"a=1"), ("tracestate", b" b=2 ")])
    assert several is not None
    assert several.state == "a=1,b=2"
    for unfit in (b"a=" + b"x" * 511, b"a=\x00", "a=é".encode()):
        assert found([("traceparent", WELL), ("tracestate", unfit)]) == KNOWN


def test_tracestate_is_not_shown() -> None:
    """It is others' to fill, so no repr repeats it (I6)."""
    assert "private" not in repr(TraceContext(1, 2, 1, "a=private"))


@given(headers, contexts)
def test_what_is_put_is_found(others: list[tuple[str, bytes]], context: TraceContext) -> None:
    """A context that was put into headers is found there, whatever they held before; all others stay as they were."""
    carried = put_into(others, context)
    assert found(carried) == context
    ours = {"traceparent", "tracestate"}
    assert [each for each in carried if each[0].lower() not in ours] == [
        each for each in others if each[0].lower() not in ours
    ]
    assert put_into(carried, context) == carried
    assert list(put_into(others, None)) == others


@given(headers)
def test_no_headers_make_it_fail(anything: list[tuple[str, bytes]]) -> None:
    """Whatever stands in headers, there is a valid context or none."""
    context = found(anything)
    assert context is None or (0 < context.trace_id < 2**128 and 0 < context.span_id < 2**64)
