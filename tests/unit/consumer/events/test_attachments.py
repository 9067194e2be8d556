"""What counts as a recording, and its sources."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.events.parse import Ignored, TextMessage, Unreadable, recordings_in
from consumer.memo.states import AbsentAudio, InlineAudio, LinkedAudio
from tests.unit.consumer.events.event_reading import URL, audio_of, read, v2
from tests.unit.consumer.events.event_strategies import MAGIC, Built, built, json_values

if TYPE_CHECKING:
    from tests.unit.consumer.events.event_shapes import Json

CAF = base64.b64encode(MAGIC["caf"]).decode()


@pytest.mark.parametrize(
    "attachment",
    [
        {"url": URL, "type": "audio"},
        {"url": URL, "type": "voice_memo"},
        {"url": URL, "mime_type": "audio/x-caf"},
        {"url": URL, "mime_type": "AUDIO/MP4; codecs=mp4a"},
        {"url": URL, "mime_type": "application/ogg"},
        {"url": URL, "mime_type": "application/octet-stream", "filename": "Audio Message.caf"},
        {"url": URL, "mime_type": "application/octet-stream", "filename": "9.41\u202fAM.CAF"},
        {"url": URL, "mime_type": "video/mp4", "filename": "memo.m4a"},
        {"url": f"{URL}/memo.amr?sig=1", "mime_type": None},
        {"url": f"{URL}/memo.mp4", "mime_type": ""},
        {"url": URL, "mime_type": None, "filename": None},
        {"url": URL},
        {"url": URL, "mime_type": "application/octet-stream", "filename": "Audio Message"},
        {"url": URL, "mime_type": 5, "filename": {}, "type": []},
        {"url": URL, "format": "opus", "mime_type": None},
        {"url": URL, "is_audio_message": True, "mime_type": "image/png"},
    ],
)
def test_link_to_a_recording_is_followed(attachment: object) -> None:
    """A link is a recording by type, flag, MIME type or suffix; without any, it is one in a message without text."""
    assert [type(one) for one in audio_of(v2(attachments=[attachment]))] == [LinkedAudio, AbsentAudio]


@pytest.mark.parametrize(
    "attachment",
    [
        {"url": URL, "mime_type": "image/heic"},
        {"url": URL, "mime_type": "video/mp4", "filename": "film.mp4"},
        {"url": URL, "mime_type": "video/quicktime"},
        {"url": URL, "mime_type": None, "filename": "IMG_0001.HEIC"},
        {"url": URL, "mime_type": "application/octet-stream", "filename": "IMG_0002.MOV"},
        {"url": f"{URL}/photo.jpg", "mime_type": None},
        {"url": URL, "mime_type": "application/pdf"},
        {"url": URL, "type": "image"},
        {"url": URL, "type": "link"},
        {"data": base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()},
        {"data": base64.b64encode(b"\x00\x00\x00\x18ftypheic\x00\x00").decode(), "mime_type": None},
        {"data": base64.b64encode(b"\x00\x00\x00\x14ftypqt  \x00\x00").decode(), "mime_type": ""},
        {"data": "%%% not base64 %%%"},
        {"data": "नमस्ते"},
    ],
)
def test_no_recording_among_what_is_attached(attachment: object) -> None:
    """Pictures, films, documents and unknown bytes are no recordings, with or without text."""
    assert read(v2(attachments=[attachment])) == Ignored("no-audio")
    assert isinstance(read(v2(attachments=[attachment], text="look")), TextMessage)


@pytest.mark.parametrize("container", sorted(MAGIC))
@pytest.mark.parametrize("prefix", ["", "data:;base64,", "data:application/octet-stream;base64,", "\n  "])
def test_magic_bytes_tell_a_recording(container: str, prefix: str) -> None:
    """Inline data without a MIME type is identified by its first bytes, even with text."""
    text = prefix + base64.b64encode(MAGIC[container] + bytes(20)).decode()
    attachment = {"data": text, "mime_type": "application/octet-stream"}
    audio = audio_of(v2(attachments=[attachment], text="listen"))
    assert audio == (InlineAudio(text.strip(), None, None), AbsentAudio())


def test_vague_link_beside_words_is_no_recording() -> None:
    """A link without any sign, with text, is no recording."""
    assert isinstance(read(v2(attachments=[{"url": URL}], text="look at this")), TextMessage)


def test_vague_link_of_a_voice_message_is_its_recording() -> None:
    """A link without any sign is the recording of a message that calls itself a voice message, even with text."""
    audio = audio_of(v2(attachments=[{"url": URL}], text="hi", is_audio_message=True))
    assert audio == (LinkedAudio(URL), AbsentAudio())


def test_voice_goes_before_words() -> None:
    """A message with a recording and text is a voice memo."""
    assert audio_of(v2(attachments=[{"url": URL, "type": "audio"}], text="hi")) == (LinkedAudio(URL), AbsentAudio())


def test_recording_is_found_behind_a_picture() -> None:
    """It need not be the first attachment."""
    picture = {"url": f"{URL}/1", "mime_type": "image/jpeg"}
    memo = {"url": f"{URL}/2", "mime_type": "", "filename": "Audio Message.caf"}
    assert audio_of(v2(attachments=[picture, memo])) == (
        LinkedAudio(f"{URL}/2", "Audio Message.caf"),
        AbsentAudio(),
    )


def test_inline_goes_before_links() -> None:
    """Inline data is tried first, then each link, then the API; nothing is listed twice."""
    attachment = {"type": "audio", "file_url": f"{URL}/f", "url": URL, "download_url": URL, "data": CAF}
    assert audio_of(v2(attachments=[attachment])) == (
        InlineAudio(CAF), LinkedAudio(URL), LinkedAudio(f"{URL}/f"), AbsentAudio(),
    )  # fmt: skip


def test_sources_under_each_others_keys() -> None:
    """A data: URI as a URL is inline, and a link as data is a link."""
    uri = f"data:audio/x-caf;base64,{CAF}"
    assert audio_of(v2(audio={"url": uri})) == (InlineAudio(uri, None, "audio/x-caf"), AbsentAudio())
    assert audio_of(v2(audio={"data": URL})) == (LinkedAudio(URL), AbsentAudio())
    assert audio_of(v2(audio=URL)) == (LinkedAudio(URL), AbsentAudio())


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://example.org/a.caf", "/media/1", "https://", "http://[::1", "https://a\n/b", "x"],
)
def test_only_http_links_are_kept(url: str) -> None:
    """A URL that is not http or https is dropped; the API is asked instead."""
    assert audio_of(v2(attachments=[{"type": "audio", "url": url}])) == (AbsentAudio(),)


def test_format_stands_in_for_a_mime_type() -> None:
    """Without a MIME type, `format` names the container."""
    assert audio_of(v2(audio={"data": CAF, "format": "opus"})) == (InlineAudio(CAF, None, "audio/opus"), AbsentAudio())


def test_much_attached_is_bounded() -> None:
    """However much is attached, the memo has at most eight sources, the last of them the API."""
    attachments = [{"type": "audio", "url": f"{URL}/{number}"} for number in range(10_000)]
    assert audio_of(v2(attachments=attachments)) == (
        *(LinkedAudio(f"{URL}/{number}") for number in range(7)),
        AbsentAudio(),
    )


@pytest.mark.parametrize(
    "data",
    [
        {"attachments": []},
        {"attachments": None},
        {"text": None},
        {"text": "\N{OBJECT REPLACEMENT CHARACTER}"},
        {"attachments": [{"id": "a-1"}]},
        {"attachments": [{"id": "a-1", "filename": None, "mime_type": None, "url": None}]},
        {"attachments": [{"type": "audio"}], "text": "hi"},
        {"attachments": [{"type": "audio", "data": "", "url": " "}]},
        {"audio": {"format": "opus", "data": None}},
        {"is_audio_message": True, "text": "hi"},
        {"type": "voice", "text": "hi"},
        {"parts": [{"type": "voice_memo", "attachment_id": "a-1", "mime_type": "audio/mp4"}]},
    ],
)
def test_recording_that_is_not_there_is_asked_for(data: dict[str, Json]) -> None:
    """The event has neither text nor sound: the API is asked for the message."""
    assert audio_of(v2(**data)) == (AbsentAudio(),)


@pytest.mark.parametrize("audio", [None, {}, [], "", False, {"data": None}, {"url": ""}])
def test_hollow_audio_beside_words_is_a_text_message(audio: object) -> None:
    """An empty `audio` key makes no voice memo of a text message."""
    assert isinstance(read(v2(audio=audio, text="hello")), TextMessage)


def test_without_an_id_nothing_can_be_asked_for() -> None:
    """The API is asked for a message by its id; without one, an announced but missing recording cannot be read."""
    assert read(v2(id=None, attachments=[{"type": "audio"}])) == Unreadable("no-recording", "5")
    assert read(v2(id=None)) == Ignored("no-audio")
    assert audio_of(v2(id=None, audio={"url": URL})) == (LinkedAudio(URL),)


@given(st.dictionaries(st.sampled_from(["attachments", "audio", "parts", "text", "data", "message"]), json_values))
def test_any_message_is_searched(message: dict[str, object]) -> None:
    """Whatever the API's message holds, the search raises nothing and never reports an absent recording."""
    assert not any(isinstance(one, AbsentAudio) for one in recordings_in(message))


@given(built())
def test_api_message_is_searched_like_an_event(one: Built) -> None:
    """The same message from the API has the same recordings."""
    assert recordings_in(one.event) == one.message.sources


def test_api_message_without_a_recording() -> None:
    """A message with a picture has no recording."""
    assert recordings_in({"id": 7, "text": "", "attachments": [{"url": URL, "mime_type": "image/png"}]}) == ()
