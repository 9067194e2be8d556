"""What is read from events: from those we build, those somebody broke, and those that are no events at all."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.events import Event, Ignored, TextMessage, Unreadable, VoiceMemo, parse, recordings
from consumer.memo import AbsentAudio, InlineAudio, LinkedAudio
from tests.unit.consumer.event_shapes import OUR_NUMBER, SHAPES
from tests.unit.consumer.event_strategies import (
    MAGIC,
    RECEIVED_AT,
    Built,
    built,
    damaged,
    echoes,
    json_values,
)

if TYPE_CHECKING:
    from consumer.memo import Audio

FIXTURES = Path(__file__).parents[3] / "fixtures"
EVENTS = [json.loads(path.read_text()) for path in sorted((FIXTURES / "events").glob("*.json"))]
IGNORED = {"empty", "other-event", "echo", "recovered-history", "no-audio", "no-chat"}
UNREADABLE = {"not-json", "not-an-object", "no-chat", "no-recording"}
URL = "https://media.example.org/1"
CAF = base64.b64encode(MAGIC["caf"]).decode()


def read(event: object, *, our_numbers: tuple[str, ...] = (OUR_NUMBER,)) -> Event:
    """Parse an event given as what json would write; bytes go as they are."""
    value = event if isinstance(event, bytes) else json.dumps(event).encode()
    return parse(value, received_at=RECEIVED_AT, our_numbers=our_numbers)


def v2(**data: Any) -> dict[str, Any]:
    """Give a v2 event of a message without words."""
    message = {"id": "7", "chat_id": "5", "from_phone": "+15550101234", "text": "", "attachments": []}
    return {"event_type": "message.received", "data": message | data}


def audio_of(event: object) -> tuple[Audio, ...] | None:
    """Give where the memo may be had; None when the event is no voice memo."""
    happened = read(event)
    return happened.memo.audio if isinstance(happened, VoiceMemo) else None


def holds(event: Event) -> None:
    """Whatever the bytes were, what is read from them can be worked with."""
    match event:
        case Ignored(reason):
            assert reason in IGNORED
        case Unreadable(reason, chat_id):
            assert reason in UNREADABLE
            assert chat_id is None or chat_id.isprintable()
        case TextMessage():
            assert event.text
            _usable(event.chat_id, event.message_id, event.person, event.text, at=event.sent_at)
        case VoiceMemo(memo):
            assert 1 <= len(memo.audio) <= 8
            kinds = [(InlineAudio, LinkedAudio, AbsentAudio).index(type(one)) for one in memo.audio]
            assert kinds == sorted(kinds)
            assert kinds.count(2) <= 1
            _usable(memo.chat_id, memo.message_id, memo.person, *map(_told, memo.audio), at=memo.sent_at)


def _told(audio: Audio) -> str:
    return "none" if isinstance(audio, AbsentAudio) else f"{audio.filename}{audio.mime_type}"


def _usable(*texts: str, at: datetime) -> None:
    chat_id, message_id, person, *_ = texts
    assert chat_id.isprintable()
    assert message_id.isprintable()
    assert chat_id.strip(".")
    assert message_id.strip(".")
    assert person.isprintable()
    assert "".join(texts).encode()
    assert at.tzinfo is UTC
    assert at.year >= 2007


# Totality -------------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=200) | st.none())
def test_any_bytes_are_read(value: bytes | None) -> None:
    """Whatever the bytes are, one of the four comes out and nothing is raised."""
    holds(parse(value, received_at=RECEIVED_AT))


@given(json_values)
def test_any_json_is_read(value: object) -> None:
    """Whatever the JSON is, alone or as the data of a message, one of the four comes out and nothing is raised."""
    holds(read(value))
    holds(read({"event_type": "message.received", "data": value}))
    holds(read(v2(attachments=value)))
    holds(read(v2(audio=value, chat_handles=value, sent_at=value)))


@settings(max_examples=1000)
@given(st.data())
def test_damaged_fixtures_are_read(data: st.DataObject) -> None:
    """With any nodes of a fixture left out or replaced, one of the four comes out and nothing is raised."""
    holds(read(data.draw(damaged(data.draw(st.sampled_from(EVENTS))))))


@settings(max_examples=300)
@given(st.data())
def test_damaged_shapes_are_read(data: st.DataObject) -> None:
    """The same for the shapes that we build."""
    holds(read(data.draw(damaged(data.draw(built()).event))))


@pytest.mark.parametrize(
    ("value", "happened"),
    [
        (None, Ignored("empty")),
        (b"", Ignored("empty")),
        (b" \n\t ", Ignored("empty")),
        (b"{", Unreadable("not-json")),
        (b"\xff\xfe\x00", Unreadable("not-json")),
        (b"[" * 200_000, Unreadable("not-json")),
        (b'{"data":' * 100_000, Unreadable("not-json")),
        (b"[" * 200_000 + b"]" * 200_000, Unreadable("not-json")),
        (b'{"data": ' + b"9" * 10_000 + b"}", Unreadable("not-json")),
        (b"null", Unreadable("not-an-object")),
        (b"[]", Unreadable("not-an-object")),
        (b'"message.received"', Unreadable("not-an-object")),
        (b"NaN", Unreadable("not-an-object")),
        (b"{}", Ignored("other-event")),
        (b'{"event_type": "message.received"}', Unreadable("no-chat")),
    ],
)
def test_no_event_at_all(value: bytes | None, happened: Event) -> None:
    """What is no event is told apart by what is wrong with it."""
    assert parse(value, received_at=RECEIVED_AT) == happened


def test_byte_order_mark_is_passed_over() -> None:
    """A byte order mark before the JSON changes nothing."""
    value = json.dumps(v2(audio={"url": URL})).encode()
    assert isinstance(read(value), VoiceMemo)
    assert read(b"\xef\xbb\xbf" + value) == read(value)


def test_one_bad_byte_costs_no_answer() -> None:
    """A byte that is no UTF-8, in a field that we do not need, does not cost the person the answer."""
    value = json.dumps(v2(audio={"url": URL}, display_name="Zoë", text="")).encode("ascii")
    broken = value.replace(b"Zo\\u00eb", b"Zo\xeb")
    assert broken != value
    assert read(broken) == read(value)


def test_last_of_two_keys_counts() -> None:
    """Of a key that stands twice the last one counts, as json has it."""
    event = read(b'{"event": "typing", "event": "message.received", "chat_id": "5", "id": "7", "text": "hello"}')
    assert isinstance(event, TextMessage)


def test_lone_surrogates_can_be_encoded() -> None:
    """Half a surrogate pair in a text is replaced; in an id it makes the id useless."""
    text = read(v2(text="a\ud800b"))
    assert isinstance(text, TextMessage)
    assert text.text == "a?b"
    assert read(v2(chat_id="5\ud800", audio={"url": URL})) == Unreadable("no-chat")


def test_not_a_number_is_no_time() -> None:
    """NaN and Infinity, which json lets in, are no time."""
    for number in (b"NaN", b"Infinity", b"-Infinity", b"1e400"):
        value = json.dumps(v2(audio={"url": URL}, sent_at="AT")).encode().replace(b'"AT"', number)
        event = read(value)
        assert isinstance(event, VoiceMemo)
        assert event.memo.sent_at == RECEIVED_AT


def test_much_attached_is_bounded() -> None:
    """However much is attached, the memo has at most eight places where it may be had, the last of them the API."""
    attachments = [{"type": "audio", "url": f"{URL}/{number}"} for number in range(10_000)]
    audio = audio_of(v2(attachments=attachments))
    assert audio is not None
    assert audio == (*(LinkedAudio(f"{URL}/{number}") for number in range(7)), AbsentAudio())


# What we build comes out ----------------------------------------------------------------------------------------------


@settings(max_examples=600)
@given(built())
def test_memo_is_read_as_it_was_built(one: Built) -> None:
    """A memo in any shape is read with its chat, id, person, time, group and recordings, inline before links."""
    happened = read(one.event)
    assert isinstance(happened, VoiceMemo), one.shape
    memo, message = happened.memo, one.message
    assert memo.chat_id == message.chat_id
    assert memo.message_id == message.message_id or (message.message_id is None and memo.message_id[:6] == "event-")
    assert memo.person == message.person
    assert memo.sent_at == message.sent_at
    assert memo.group == message.group
    assert memo.audio == message.audio


@given(built(voice=False))
def test_text_is_read_as_it_was_built(one: Built) -> None:
    """A message of words alone, in any shape, is a TextMessage with all that was put in."""
    event, message = read(one.event), one.message
    assert isinstance(event, TextMessage), one.shape
    assert (event.chat_id, event.person, event.text) == (message.chat_id, message.person, message.text)
    assert event.message_id == message.message_id or (message.message_id is None and event.message_id[:6] == "event-")
    assert event.sent_at == message.sent_at


@settings(max_examples=300)
@given(echoes())
def test_echo_is_never_a_memo(one: Built) -> None:
    """What we wrote ourselves is an echo, by whichever sign and in whichever shape it shows."""
    assert read(one.event) == Ignored("echo")


@given(st.data())
def test_damage_elsewhere_makes_no_memo_of_an_echo(data: st.DataObject) -> None:
    """However the rest of an event is damaged: what is named message.sent is no memo."""
    event = data.draw(damaged(data.draw(built()).event))
    assert read({**event, "event_type": "message.sent"}) == Ignored("echo")


@given(built())
def test_same_event_gives_the_same_memo(one: Built) -> None:
    """An event that comes again, or under another event_id, gives the same memo: it is answered once."""
    again = {**one.event, "event_id": "another", "created_at": "2025-11-09T00:00:00Z", "trace_id": "t-2"}
    assert read(one.event) == read(one.event)
    assert read(again) == read(one.event)


@given(st.sampled_from(SHAPES), built(), built())
def test_other_memos_get_other_hashes(_: object, one: Built, other: Built) -> None:
    """Without ids, two memos that differ in chat, person, time or recording do not share a hash."""
    names = [happened.memo for event in (one, other) if isinstance(happened := read(event.event), VoiceMemo)]
    first, second = names
    if {first.message_id[:6], second.message_id[:6]} == {"event-"}:
        same = (first.chat_id, first.person, first.sent_at, first.audio) == (
            second.chat_id, second.person, second.sent_at, second.audio
        )  # fmt: skip
        assert same or first.message_id != second.message_id


@given(built())
def test_repr_tells_nobody(one: Built) -> None:
    """No repr shows a number, words or a recording."""
    event = read(one.event)
    assert one.message.person not in repr(event)
    assert "base64=" not in repr(event)
    assert "media.example.org" not in repr(event)


# Not for us -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *(
            "typing_indicator.received",
            "typing_indicator.removed",
            "message.read",
            "reaction.received",
            "reaction.sent",
        ),
        *("message.delivered", "message.failed", "chat.created", "message.received.v9", "hologram.received", "x"),
    ],
)
def test_other_events_are_ignored(name: str) -> None:
    """An event of another name, known or not, is ignored, though it carry a recording."""
    assert read({**v2(audio={"url": URL}), "event_type": name}) == Ignored("other-event")
    assert read({**v2(audio={"url": URL})["data"], "event": name}) == Ignored("other-event")


def test_name_in_another_case_counts() -> None:
    """The name is compared without regard to case and blanks."""
    assert isinstance(read({**v2(audio={"url": URL}), "event_type": " Message.Received "}), VoiceMemo)


@pytest.mark.parametrize("name", [None, "", 5, [], {}])
def test_missing_name_is_tolerated(name: object) -> None:
    """An event without a name that is plainly a message is one; anything else without a name is not for us."""
    assert isinstance(read({**v2(audio={"url": URL}), "event_type": name}), VoiceMemo)
    assert read({**v2(), "event_type": name}) == Ignored("other-event")


def test_type_names_an_event_when_it_looks_like_one() -> None:
    """Where only `type` names the event it is believed, so that an echo stays one."""
    event = v2(audio={"url": URL})
    del event["event_type"]
    assert read({**event, "type": "message.sent"}) == Ignored("echo")
    assert isinstance(read({**event, "type": "audio"}), VoiceMemo)


@pytest.mark.parametrize("number", ["+1 (555) 010-1234", "0015550101234", "15550101234"])
def test_our_number_in_any_spelling_is_an_echo(number: str) -> None:
    """Our own number is known in other spellings too."""
    assert read(v2(audio={"url": URL}), our_numbers=(number,)) == Ignored("echo")


def test_our_handle_in_any_case_is_an_echo() -> None:
    """A handle that is an address is compared without regard to case, and not by the digits within."""
    event = v2(audio={"url": URL}, from_phone="Agent7@example.org")
    assert read(event, our_numbers=("agent7@EXAMPLE.org",)) == Ignored("echo")
    assert isinstance(read(event, our_numbers=("7",)), VoiceMemo)


def test_member_who_is_us_does_not_silence_the_others() -> None:
    """That we are in the chat makes no echo of what another member says."""
    members = [{"identifier": OUR_NUMBER, "is_me": True}, {"identifier": "+15550101234", "is_me": False}]
    assert isinstance(read(v2(audio={"url": URL}, chat_handles=members)), VoiceMemo)


def test_recovered_history_is_ignored() -> None:
    """An event that was recovered late is history, and not answered."""
    assert read(v2(audio={"url": URL}, reconciled_at="2025-11-09T00:00:00Z")) == Ignored("recovered-history")


# Is it a recording? ---------------------------------------------------------------------------------------------------


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
    """A link is a recording by type, flag, MIME type or suffix; and by default, when there are no words and no signs."""
    audio = audio_of(v2(attachments=[attachment]))
    assert audio is not None
    assert [type(one) for one in audio] == [LinkedAudio, AbsentAudio]


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
    """Pictures, films, documents and bytes of no container that we know are no recordings, without words or with."""
    assert read(v2(attachments=[attachment])) == Ignored("no-audio")
    assert isinstance(read(v2(attachments=[attachment], text="look")), TextMessage)


@pytest.mark.parametrize("container", sorted(MAGIC))
@pytest.mark.parametrize("prefix", ["", "data:;base64,", "data:application/octet-stream;base64,", "\n  "])
def test_magic_bytes_tell_a_recording(container: str, prefix: str) -> None:
    """Inline data without a MIME type is known by its first bytes, though words come with it."""
    text = prefix + base64.b64encode(MAGIC[container] + bytes(20)).decode()
    attachment = {"data": text, "mime_type": "application/octet-stream"}
    audio = audio_of(v2(attachments=[attachment], text="listen"))
    assert audio == (InlineAudio(text.strip(), None, None), AbsentAudio())


def test_vague_link_beside_words_is_no_recording() -> None:
    """A link with no sign of what it is, beside words, is not taken for a recording."""
    assert isinstance(read(v2(attachments=[{"url": URL}], text="look at this")), TextMessage)


def test_voice_goes_before_words() -> None:
    """A message with a recording and with words is a voice memo."""
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
    """What is at hand is tried first, then each link, then the API; nothing is listed twice."""
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
    "url", ["file:///etc/passwd", "ftp://example.org/a.caf", "/media/1", "https://", "http://[::1", "https://a/\n", "x"]
)
def test_only_http_links_are_kept(url: str) -> None:
    """What is no http or https URL is not kept; the API is asked instead."""
    assert audio_of(v2(attachments=[{"type": "audio", "url": url}])) == (AbsentAudio(),)


def test_format_stands_in_for_a_mime_type() -> None:
    """Where there is no MIME type, `format` tells the container."""
    assert audio_of(v2(audio={"data": CAF, "format": "opus"})) == (InlineAudio(CAF, None, "audio/opus"), AbsentAudio())


# A recording that is not there ----------------------------------------------------------------------------------------


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
def test_recording_that_is_not_there_is_asked_for(data: dict[str, Any]) -> None:
    """Somebody sent something, and the event carries neither words nor sound: the API is asked for the message."""
    assert audio_of(v2(**data)) == (AbsentAudio(),)


@pytest.mark.parametrize("audio", [None, {}, [], "", False, {"data": None}, {"url": ""}])
def test_hollow_audio_beside_words_is_a_text_message(audio: object) -> None:
    """An `audio` key with nothing in it makes no voice memo of a text message."""
    assert isinstance(read(v2(audio=audio, text="hello")), TextMessage)


def test_without_an_id_nothing_can_be_asked_for() -> None:
    """The API is asked for a message by its id; without one, what is announced and not carried cannot be read."""
    assert read(v2(id=None, attachments=[{"type": "audio"}])) == Unreadable("no-recording", "5")
    assert read(v2(id=None)) == Ignored("no-audio")
    assert audio_of(v2(id=None, audio={"url": URL})) == (LinkedAudio(URL),)


# Who, where, when -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chat_id", [None, "", " ", "..", "a\nb", "x" * 201, True, 1.5, [], {"id": "5"}, 10**80])
def test_without_a_chat_nobody_can_be_answered(chat_id: object) -> None:
    """A recording without a chat cannot be answered; words without a chat are passed over."""
    assert read(v2(chat_id=chat_id, audio={"url": URL})) == Unreadable("no-chat")
    assert read(v2(chat_id=chat_id, text="hello")) == Ignored("no-chat")
    assert read(v2(chat_id=chat_id)) == Unreadable("no-chat")


@pytest.mark.parametrize("message_id", [None, "", "..", "x" * 201, "a\x00b", [], 0.5, False])
def test_useless_message_id_is_hashed(message_id: object) -> None:
    """What cannot serve as an id counts as none: the memo gets one from its hash, and the API is not asked by it."""
    event = read(v2(id=message_id, audio={"url": URL}))
    assert isinstance(event, VoiceMemo)
    assert event.memo.message_id.startswith("event-")
    assert len(event.memo.message_id) == len("event-") + 32
    assert event.memo.audio == (LinkedAudio(URL),)


def test_id_of_the_delivery_is_not_that_of_the_message() -> None:
    """An `id` beside `data` names the delivery: two deliveries of one message must not get two answers."""
    one, other = ({**v2(id=None, audio={"url": URL}), "id": f"delivery-{number}"} for number in (1, 2))
    assert read(one) == read(other)


def test_only_other_member_is_the_author() -> None:
    """Where no author is named and only one other is in the chat, it is they."""
    members = [{"identifier": OUR_NUMBER, "is_me": True}, {"identifier": "+15550105555", "is_me": False}]
    event = read(v2(from_phone=None, chat_handles=members, audio={"url": URL}))
    assert isinstance(event, VoiceMemo)
    assert event.memo.person == "+15550105555"
    assert not event.memo.group


def test_strangers_are_not_pooled() -> None:
    """Where the author cannot be known, there is no name: never one that strangers would share."""
    event = read(v2(from_phone=None, audio={"url": URL}))
    assert isinstance(event, VoiceMemo)
    assert event.memo.person == ""


@pytest.mark.parametrize(
    ("spelling", "at"),
    [
        ("2025-11-08 06:07:08 -0600", datetime(2025, 11, 8, 12, 7, 8, tzinfo=UTC)),
        ("2025-11-08 06:07:08 +05:30", datetime(2025, 11, 8, 0, 37, 8, tzinfo=UTC)),
        ("2025-11-08T06:07:08Z", datetime(2025, 11, 8, 6, 7, 8, tzinfo=UTC)),
        ("2025-11-08T06:07:08.5", datetime(2025, 11, 8, 6, 7, 8, 500_000, tzinfo=UTC)),
        (1_762_582_028, datetime(2025, 11, 8, 6, 7, 8, tzinfo=UTC)),
        ("1762582028", datetime(2025, 11, 8, 6, 7, 8, tzinfo=UTC)),
        (1_762_582_028_500, datetime(2025, 11, 8, 6, 7, 8, 500_000, tzinfo=UTC)),
        (1_762_582_028_500_000, datetime(2025, 11, 8, 6, 7, 8, 500_000, tzinfo=UTC)),
        (1_762_582_028_500_000_000, datetime(2025, 11, 8, 6, 7, 8, 500_000, tzinfo=UTC)),
        *(
            (absurd, RECEIVED_AT)
            for absurd in [
                *(None, "", "yesterday", True, 0, -1, 10**30, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
                *("1999-01-01", "2031-01-01T00:00:00Z", [], {}, "2025-11-08 06:07:08 PST", "2025-13-40", "1" * 500),
            ]
        ),
    ],
)
def test_time_is_read_in_every_spelling(spelling: object, at: datetime) -> None:
    """The time comes out in UTC; where it is missing, unreadable or absurd, it is that of the record."""
    event = read(v2(sent_at=spelling, audio={"url": URL}))
    assert isinstance(event, VoiceMemo)
    assert event.memo.sent_at == at
    assert event.memo.sent_at.utcoffset() == timedelta(0)


# What the API gives ---------------------------------------------------------------------------------------------------


@given(st.dictionaries(st.sampled_from(["attachments", "audio", "parts", "text", "data", "message"]), json_values))
def test_any_message_is_searched(message: dict[str, object]) -> None:
    """Whatever the API's message holds, the search raises nothing and never says that a recording is absent."""
    assert not any(isinstance(one, AbsentAudio) for one in recordings(message))


@given(built())
def test_api_message_is_searched_like_an_event(one: Built) -> None:
    """The same message, as the API gives it, has the same recordings."""
    assert recordings(one.event) == one.message.sources


def test_api_message_without_a_recording() -> None:
    """A message with a picture has no recording."""
    assert recordings({"id": 7, "text": "", "attachments": [{"url": URL, "mime_type": "image/png"}]}) == ()
