"""Linq v3's wire, read and judged: each error code's class, what may be out, and which message is ours."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.clip import Clip
from audio.formats import Format
from providers.errors import (
    BadAnswer,
    Barred,
    Gone,
    OptedOut,
    ProviderError,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
    Verdict,
)
from providers.messengers.linq_wire import (
    matches,
    parse_ticket,
    parts_without_url,
    refusal_error,
    sendable_text,
    upload_request,
)
from providers.ports import SentText

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)
OBJECTS = st.dictionaries(
    st.sampled_from(["attachment_id", "upload_url", "required_headers", "parts", "is_from_me", "created_at", "id"]),
    JSON | st.lists(st.dictionaries(st.sampled_from(["type", "id", "filename", "value", "url"]), JSON), max_size=3),
)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, 1001, Rejected),
        (400, 1004, Rejected),
        (409, 1006, Barred),
        (429, 1007, RateLimited),
        (404, 2001, Gone),
        (404, 2002, Gone),
        (404, 2003, Gone),
        (401, 2004, Unauthorized),
        (403, 2005, Unauthorized),
        (403, 2006, Unauthorized),
        (404, 2007, Unavailable),
        (403, 2008, Unauthorized),
        (409, 2009, Unavailable),
        (409, 2013, Barred),
        (409, 2015, Barred),
        (409, 2016, Barred),
        (409, 2017, Barred),
        (500, 2022, Unavailable),
        (403, 2024, OptedOut),
        (500, 3001, Unavailable),
        (500, 3006, Unavailable),
        (500, 3007, Barred),
        (503, 4001, Unavailable),
        (503, 4002, Barred),
        (503, 4004, Unavailable),
        (422, 4005, Barred),
        (500, 5001, Unavailable),
        (400, 5002, Rejected),
        (500, 5003, Unavailable),
        (400, 5004, Rejected),
        (413, 5005, Rejected),
        (400, 5006, Rejected),
        (422, None, Rejected),
        (409, None, Barred),
        (429, None, RateLimited),
        (503, None, Unavailable),
        (422, 9999, Rejected),
        (500, 9999, Unavailable),
    ],
)
def test_each_code_has_its_class(status: int, code: int | None, kind: type[ProviderError]) -> None:
    """A refusal means what the vendor's page says of its code; an unknown code means what its status does."""
    assert type(refusal_error(status, code)) is kind


@settings(deadline=None)
@given(status=st.integers(400, 599), code=st.none() | st.integers(), wait=st.none() | st.floats(0, 60))
def test_every_refusal_has_a_class(status: int, code: int | None, wait: float | None) -> None:
    """Whatever status and code come, the refusal says whether time may mend it."""
    assert refusal_error(status, code, wait).verdict in {Verdict.LATER, Verdict.NEVER}


def test_an_opt_out_is_for_ever_and_in_every_form() -> None:
    """It is no refusal of the audio, so that neither WAV nor text is tried after it."""
    refusal = refusal_error(403, 2024)
    assert (refusal.verdict, refusal.reason) == (Verdict.NEVER, "opted-out")
    assert not isinstance(refusal, Rejected)


@pytest.mark.parametrize(
    ("kind", "content_type"), [(Format.M4A, "audio/x-m4a"), (Format.WAV, "audio/x-wav"), (Format.MP3, "audio/mpeg")]
)
def test_files_are_announced_by_the_vendors_names(kind: Format, content_type: str) -> None:
    """An upload has the content type that Linq lists, and its exact size."""
    assert upload_request(Clip(b"sound", kind), "a.b") == {
        "filename": "a.b",
        "content_type": content_type,
        "size_bytes": 5,
    }


def test_ours_is_known_by_attachment_or_by_name() -> None:
    """A message of ours is known by its attachment's id, or by the file's name, whatever it was transcoded to."""
    message = {"id": "m", "is_from_me": True, "parts": [{"type": "media", "id": "a-1", "filename": "tts_1.caf"}]}
    assert matches(message, {"a-1"}, [], None)
    assert matches(message, set(), ["tts_1.m4a"], None)
    assert not matches(message, {"a-2"}, ["tts_2.m4a"], None)
    assert not matches({**message, "is_from_me": False}, {"a-1"}, ["tts_1.m4a"], None)
    assert not matches({"id": "m", "parts": [{"type": "media"}]}, set(), [], None)


def test_a_text_of_ours_stands_alone_and_is_not_of_long_ago() -> None:
    """A text is known by its words, all of them, since a moment; a person's own words are not ours."""
    at = "2025-11-03T15:08:01Z"
    message = {"id": "m", "created_at": at, "parts": [{"type": "text", "value": "hello"}]}
    assert matches(message, set(), [], SentText("hello", 0.0))
    assert not matches(message, set(), [], SentText("hello", 4e9))
    assert not matches(message, set(), [], SentText("hell", 0.0))
    assert not matches({**message, "is_from_me": False}, set(), [], SentText("hello", 0.0))
    assert not matches({**message, "created_at": "then"}, set(), [], SentText("hello", 0.0))
    assert not matches(message, set(), [], None)
    long = "x" * 10_001
    cut = {**message, "parts": [{"type": "text", "value": sendable_text(long)}]}
    assert matches(cut, set(), [], SentText(long, 0.0))


def test_parts_that_want_a_link() -> None:
    """A recording without a link is named by its attachment's id; words, links and what has a URL are left alone."""
    bare = {"type": "voice_memo", "id": "p", "attachment_id": "a"}
    media = {"type": "media", "id": "b", "url": None}
    others = [{"type": "text", "value": "x"}, {"type": "media", "id": "c", "url": "https://x"}, {"type": "media"}, 7]
    assert parts_without_url({"parts": [bare, media, *others]}) == [(bare, "a"), (media, "b")]
    assert parts_without_url({"parts": None}) == []


@pytest.mark.parametrize(
    "headers", [{"X-A": "b\r\nAuthorization: c"}, {"X\nA": "b"}, {"X-A": 1}, ["X-A"], {"X-A": None}]
)
def test_headers_that_are_none(headers: object) -> None:
    """An upload whose headers could not be sent as they are is refused."""
    with pytest.raises(BadAnswer):
        parse_ticket({"attachment_id": "a", "upload_url": "https://x", "required_headers": headers})


@settings(deadline=None)
@given(OBJECTS)
def test_any_answer_is_read(answer: dict[str, object]) -> None:
    """Whatever JSON comes, it is read or refused, and nothing breaks."""
    matches(answer, {"a"}, ["b.c"], SentText("d", 0.0))
    parts_without_url(answer)
    try:
        ticket = parse_ticket(answer)
    except BadAnswer:
        return
    assert ticket.attachment_id == answer["attachment_id"]
