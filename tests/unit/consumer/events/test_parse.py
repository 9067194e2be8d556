"""Parsing of events: built ones, damaged ones, and bytes that are no events at all."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.events.parse import Address, Ignored, ParsedEvent, TextMessage, Unreadable, VoiceMemo, address_of, parse
from consumer.memo.states import AbsentAudio, InlineAudio, LinkedAudio
from tests.harness.paths import FIXTURES
from tests.unit.consumer.events.event_reading import RECEIVED_AT, URL, memo_of, read, v2
from tests.unit.consumer.events.event_strategies import Built, built, damaged, echoes, json_values

if TYPE_CHECKING:
    from consumer.memo.states import Audio
    from tests.unit.consumer.events.event_shapes import Json

EVENTS = [json.loads(path.read_text("utf-8")) for path in sorted((FIXTURES / "events").glob("*.json"))]
IGNORED = {"empty", "other-event", "echo", "recovered-history", "no-audio", "no-chat"}
UNREADABLE = {"not-json", "not-an-object", "no-chat", "no-recording"}


def holds(event: ParsedEvent) -> None:
    """Check that an event is usable, whatever the bytes were."""
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
            _usable(memo.chat_id, memo.message_id, memo.person, *map(_printed, memo.audio), at=memo.sent_at)


def _printed(audio: Audio) -> str:
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


@given(st.binary(max_size=200) | st.none())
def test_any_bytes_are_read(value: bytes | None) -> None:
    """Any bytes give one of the four events, and no error."""
    holds(parse(value, received_at=RECEIVED_AT))


@given(json_values)
def test_any_json_is_read(value: object) -> None:
    """Any JSON, alone or as the data of a message, gives one of the four events, and no error."""
    holds(read(value))
    holds(read({"event_type": "message.received", "data": value}))
    holds(read(v2(attachments=value)))
    holds(read(v2(audio=value, chat_handles=value, sent_at=value)))


@settings(max_examples=1000)
@given(st.data())
def test_damaged_fixtures_are_read(data: st.DataObject) -> None:
    """A fixture with any nodes removed or replaced gives one of the four events, and no error."""
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
def test_no_event_at_all(value: bytes | None, happened: ParsedEvent) -> None:
    """What is no event has a reason."""
    assert parse(value, received_at=RECEIVED_AT) == happened


def test_byte_order_mark_is_passed_over() -> None:
    """A byte order mark before the JSON changes nothing."""
    value = json.dumps(v2(audio={"url": URL})).encode()
    assert isinstance(read(value), VoiceMemo)
    assert read(b"\xef\xbb\xbf" + value) == read(value)


def test_one_bad_byte_costs_no_answer() -> None:
    """Invalid UTF-8 in a field that we do not need does not cost the person the answer."""
    value = json.dumps(v2(audio={"url": URL}, display_name="Zoë", text="")).encode("ascii")
    broken = value.replace(b"Zo\\u00eb", b"Zo\xeb")
    assert broken != value
    assert read(broken) == read(value)


def test_last_of_two_keys_counts() -> None:
    """Of a duplicate key the last one counts, as in json."""
    event = read(b'{"event": "typing", "event": "message.received", "chat_id": "5", "id": "7", "text": "hello"}')
    assert isinstance(event, TextMessage)


def test_lone_surrogates_can_be_encoded() -> None:
    """Half a surrogate pair is replaced in a text; an id with one is unusable."""
    text = read(v2(text="a\ud800b"))
    assert isinstance(text, TextMessage)
    assert text.text == "a?b"
    assert read(v2(chat_id="5\ud800", audio={"url": URL})) == Unreadable("no-chat")
    assert memo_of(v2(id=None, audio={"data": "\ud800"})).message_id.startswith("event-")


def test_not_a_number_is_no_time() -> None:
    """NaN and Infinity, which json accepts, are no time."""
    for number in (b"NaN", b"Infinity", b"-Infinity", b"1e400"):
        value = json.dumps(v2(audio={"url": URL}, sent_at="AT")).encode().replace(b'"AT"', number)
        event = read(value)
        assert isinstance(event, VoiceMemo)
        assert event.memo.sent_at == RECEIVED_AT


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
    """A text message in any shape is read with all its fields."""
    event, message = read(one.event), one.message
    assert isinstance(event, TextMessage), one.shape
    assert (event.chat_id, event.person, event.text) == (message.chat_id, message.person, message.text)
    assert event.message_id == message.message_id or (message.message_id is None and event.message_id[:6] == "event-")
    assert event.sent_at == message.sent_at


@settings(max_examples=300)
@given(echoes())
def test_echo_is_never_a_memo(one: Built) -> None:
    """Our own message is an echo, by any sign and in any shape."""
    assert read(one.event) == Ignored("echo")


@given(st.data())
def test_damage_elsewhere_makes_no_memo_of_an_echo(data: st.DataObject) -> None:
    """However damaged the rest of an event: one named message.sent is no memo."""
    event = data.draw(damaged(data.draw(built()).event))
    assert read({**event, "event_type": "message.sent"}) == Ignored("echo")


@given(built())
def test_same_event_gives_the_same_memo(one: Built) -> None:
    """A redelivery, under another event_id too, gives the same memo: it is answered once."""
    again = {**one.event, "event_id": "another", "created_at": "2025-11-09T00:00:00Z", "trace_id": "t-2"}
    assert read(one.event) == read(one.event)
    assert read(again) == read(one.event)


@given(built())
def test_address_is_that_of_the_message(one: Built) -> None:
    """The address of an event in any shape is the chat of its memo, and the event's own id."""
    assert address_of(one.value).chat_id == one.message.chat_id
    again = json.dumps({**one.event, "event_id": "e-2"}).encode()
    assert address_of(again) == Address(one.message.chat_id, "e-2")


@pytest.mark.parametrize(
    ("value", "missing"), [(b" ", "empty"), (b"{", "not-json"), (b"[1]", "not-an-object"), (b"{}", "no-chat")]
)
def test_address_says_what_is_missing(value: bytes, missing: str) -> None:
    """Without a readable chat there is a constant reason."""
    assert address_of(value) == Address(missing=missing)


@given(st.one_of(st.binary(), json_values.map(lambda value: json.dumps(value).encode())))
def test_every_value_has_an_address_or_lacks_one(value: bytes) -> None:
    """Any bytes give a chat or a reason, never both, and no error."""
    found = address_of(value)
    assert (found.chat_id is None) == (found.missing is not None)


@given(built())
def test_repr_tells_nobody(one: Built) -> None:
    """No repr shows a number, words or a recording."""
    event = read(one.event)
    assert one.message.person not in repr(event)
    assert "base64=" not in repr(event)
    assert "media.example.org" not in repr(event)


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
    """An event of another name is ignored, even with a recording."""
    assert read({**v2(audio={"url": URL}), "event_type": name}) == Ignored("other-event")
    assert read({**v2(audio={"url": URL})["data"], "event": name}) == Ignored("other-event")


def test_name_in_another_case_counts() -> None:
    """The name is compared without case and blanks."""
    assert isinstance(read({**v2(audio={"url": URL}), "event_type": " Message.Received "}), VoiceMemo)


@pytest.mark.parametrize("name", [None, "", 5, [], {}])
def test_missing_name_is_tolerated(name: object) -> None:
    """An event without a name is one if it is clearly a message; anything else is ignored."""
    assert isinstance(read({**v2(audio={"url": URL}), "event_type": name}), VoiceMemo)
    assert read({**v2(), "event_type": name}) == Ignored("other-event")


def test_type_names_an_event_when_it_looks_like_one() -> None:
    """A `type` alone names the event, so that an echo stays one."""
    event = v2(audio={"url": URL})
    del event["event_type"]
    assert read({**event, "type": "message.sent"}) == Ignored("echo")
    assert isinstance(read({**event, "type": "audio"}), VoiceMemo)


def test_recovered_history_is_ignored() -> None:
    """A recovered event is history, and not answered."""
    assert read(v2(audio={"url": URL}, reconciled_at="2025-11-09T00:00:00Z")) == Ignored("recovered-history")


@pytest.mark.parametrize("chat_id", [None, "", " ", "..", "a\nb", "x" * 201, True, 1.5, [], {"id": "5"}, 10**80])
def test_without_a_chat_nobody_can_be_answered(chat_id: object) -> None:
    """A recording without a chat cannot be answered; text without a chat is ignored."""
    assert read(v2(chat_id=chat_id, audio={"url": URL})) == Unreadable("no-chat")
    assert read(v2(chat_id=chat_id, text="hello")) == Ignored("no-chat")
    assert read(v2(chat_id=chat_id)) == Unreadable("no-chat")


@pytest.mark.parametrize("message_id", [None, "", "..", "x" * 201, "a\x00b", "a\ufffdb", [], 0.5, False])
def test_useless_message_id_is_hashed(message_id: object) -> None:
    """An unusable id counts as none: the memo gets a hash, and the API is not asked."""
    event = read(v2(id=message_id, audio={"url": URL}))
    assert isinstance(event, VoiceMemo)
    assert event.memo.message_id.startswith("event-")
    assert len(event.memo.message_id) == len("event-") + 32
    assert event.memo.audio == (LinkedAudio(URL),)


def test_id_of_the_delivery_is_not_that_of_the_message() -> None:
    """An `id` next to `data` is the delivery's: two deliveries of one message must not get two answers."""
    one, other = ({**v2(id=None, audio={"url": URL}), "id": f"delivery-{number}"} for number in (1, 2))
    assert read(one) == read(other)


@pytest.mark.parametrize(
    "other",
    [
        {"chat_id": "6"},
        {"from_phone": "+15550105555"},
        {"sent_at": "2025-11-08T06:07:09Z"},
        {"text": "hello"},
        {"audio": {"url": f"{URL}0"}},
        {"audio": {"data": URL, "url": f"{URL}0"}},
    ],
)
def test_another_message_gets_another_hash(other: dict[str, Json]) -> None:
    """Without ids, messages that differ in chat, person, time, text or recording are two messages."""
    fields: dict[str, Json] = {"id": None, "sent_at": "2025-11-08T06:07:08Z", "audio": {"url": URL}}
    assert memo_of(v2(**fields)).message_id != memo_of(v2(**fields | other)).message_id


def test_hash_does_not_know_the_delivery() -> None:
    """Without ids, what a delivery adds to a message, and its time, do not make it another message."""
    event = v2(id=None, audio={"url": URL})
    again = {
        **v2(id=None, audio={"url": URL}, is_read=True),
        "event_id": "e-2",
        "created_at": "2025-11-09",
        "trace_id": 1,
    }
    later = parse(json.dumps(again).encode(), received_at=datetime(2025, 12, 1, tzinfo=UTC))
    assert isinstance(later, VoiceMemo)
    assert later.memo.message_id == memo_of(event).message_id


def test_record_tells_the_time_where_the_event_does_not() -> None:
    """A message without a plausible time was sent when its record came; in UTC, whatever its zone."""
    value = json.dumps(v2(audio={"url": URL}, sent_at="2099-01-01")).encode()
    event = parse(value, received_at=RECEIVED_AT.astimezone(timezone(timedelta(hours=-6))))
    assert isinstance(event, VoiceMemo)
    assert event.memo.sent_at == RECEIVED_AT
    assert event.memo.sent_at.tzinfo is UTC
