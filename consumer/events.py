"""Kafka bytes to what happened. The only place that knows the shapes of events; it never raises.

A message's fields may stand in `data`, in `data.message`, at the top, or in a `message` at the top; fixtures/events has
one of each shape. An event that is not for us costs no more than reading its JSON and its name.

Reasons of Ignored: empty, other-event, echo, recovered-history, no-audio, no-chat.
Reasons of Unreadable: not-json, not-an-object, no-chat, no-recording.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from consumer.attachments import carried
from consumer.fields import first, identifier, object_of, objects_of, word, words
from consumer.handles import author, is_group, is_ours
from consumer.memo import AbsentAudio, InlineAudio, Memo
from consumer.timestamps import moment

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from consumer.attachments import Carried
    from consumer.fields import Json
    from consumer.memo import Audio


@dataclass(frozen=True, slots=True)
class VoiceMemo:
    """A person spoke."""

    memo: Memo


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A person wrote."""

    chat_id: str
    message_id: str
    person: str = field(repr=False)
    sent_at: datetime
    text: str = field(repr=False)
    group: bool = False
    """Whether several people share the chat."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """Not for us, and nothing is wrong."""

    reason: str
    """A constant word, fit for a metric label."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """It cannot be told what happened."""

    reason: str
    """A constant word, fit for a metric label."""
    chat_id: str | None = None
    """Where an apology may be spoken, when so much could be read."""


Event: TypeAlias = VoiceMemo | TextMessage | Ignored | Unreadable


@dataclass(frozen=True, slots=True)
class Address:
    """Where an event belongs."""

    chat_id: str | None = None
    event_id: str | None = None
    """Of the event itself, not of the message that it may tell of."""
    lacking: str | None = None
    """Why no chat could be read, if none could: empty, not-json, not-an-object or no-chat."""


def parse(value: bytes | None, *, received_at: datetime, our_numbers: Collection[str] = ()) -> Event:
    """Say what happened. Total: every bytes value (and None, a tombstone) gives one of the four.

    Args:
        value: the record's value.
        received_at: the record's own time, with zone; used where the event does not say when it was sent.
        our_numbers: our own numbers, whose messages are echoes.
    """
    event = _read(value)
    if isinstance(event, (Ignored, Unreadable)):
        return event
    name = _name(event)
    if name == "message.sent":
        return Ignored("echo")
    if name not in {"message.received", ""}:
        return Ignored("other-event")
    places = _places(event)
    if is_ours(places, our_numbers):
        return Ignored("echo")
    if first(places, ("reconciled_at",), lambda at: at or None):
        return Ignored("recovered-history")
    return _happened(_message(event, places, received_at), received_at, named=bool(name))


def address(value: bytes) -> Address:
    """Say to which chat an event belongs, and which event it is, whatever happened in it. Total."""
    event = _read(value)
    if isinstance(event, (Ignored, Unreadable)):
        return Address(lacking=event.reason)
    chat_id = _chat_id(_places(event))
    return Address(chat_id, identifier(event.get("event_id")), None if chat_id else "no-chat")


def recordings(message: Mapping[str, object]) -> tuple[Audio, ...]:
    """Find the recordings in a message as `GET …/chat_messages/{id}` gives it; empty when there are none. Total."""
    places = _places(message)
    return carried(places, wordless=_text(places) is None).audio


@dataclass(frozen=True, slots=True, repr=False)
class _Message:
    """A message of somebody else's, as far as it can be read."""

    chat_id: str | None
    message_id: str | None
    person: str
    sent_at: datetime | None
    text: str | None
    group: bool
    found: Carried


def _read(value: bytes | None) -> Json | Ignored | Unreadable:
    """Read the JSON. A byte that is no UTF-8 is replaced: a name spelled wrong must not cost a person the answer."""
    if not value or value.isspace():
        return Ignored("empty")
    try:
        event = json.loads(value.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return Unreadable("not-json")
    return event if isinstance(event, dict) else Unreadable("not-an-object")


def _name(event: Json) -> str:
    """Give the event's name, or nothing. A `type` without a dot names a kind of message instead."""
    kind = word(event.get("type"))
    return word(event.get("event_type")) or word(event.get("event")) or (kind if "." in kind else "")


def _places(event: Json) -> tuple[Json, ...]:
    """Give the objects in which a message's fields may stand, the likeliest first."""
    data = object_of(event.get("data"))
    places = (data, object_of(data.get("message")), event, object_of(event.get("message")))
    return tuple(place for place in places if place)


def _message(event: Json, places: Sequence[Json], received_at: datetime) -> _Message:
    """Read a message. Beside a `data`, the `id` at the top is that of the delivery, not of the message."""
    text = _text(places)
    described = [place for place in places if place is not event or not object_of(event.get("data"))]
    return _Message(
        chat_id=_chat_id(places),
        message_id=first(described, ("id",), identifier) or first(places, ("message_id",), identifier),
        person=author(places),
        sent_at=first(places, ("sent_at", "received_at", "timestamp"), partial(moment, near=received_at)),
        text=text,
        group=is_group(places),
        found=carried(places, wordless=text is None),
    )


def _chat_id(places: Sequence[Json]) -> str | None:
    chats = [object_of(place.get("chat")) for place in places]
    return first(places, ("chat_id",), identifier) or first(chats, ("id",), identifier)


def _text(places: Sequence[Json]) -> str | None:
    """Give what is written: the `text`, else the text parts, a line each."""
    parts = [part for place in places for part in objects_of(place.get("parts")) if word(part.get("type")) == "text"]
    lines = filter(None, (words(part.get("value")) for part in parts))
    return first(places, ("text",), words) or "\n".join(lines) or None


def _happened(message: _Message, received_at: datetime, *, named: bool) -> Event:
    """Say what a message is to us. The voice goes before the words."""
    if message.found.announced:
        return _voice_memo(message, received_at)
    if message.text is not None:
        return _text_message(message, message.text, received_at)
    if message.found.anything:
        return Ignored("no-audio")
    return _silent(message, received_at) if named else Ignored("other-event")


def _voice_memo(message: _Message, received_at: datetime) -> Event:
    """Give the memo; whatever the event carries, the Series API can be asked last, if the message has an id."""
    if message.chat_id is None:
        return Unreadable("no-chat")
    audio = (*message.found.audio, *((AbsentAudio(),) if message.message_id else ()))
    if not audio:
        return Unreadable("no-recording", message.chat_id)
    message_id = message.message_id or _hashed_id(message)
    sent_at = message.sent_at or received_at.astimezone(UTC)
    return VoiceMemo(Memo(message.chat_id, message_id, message.person, sent_at, audio, message.group))


def _silent(message: _Message, received_at: datetime) -> Event:
    """Nothing written, nothing attached: the attachment may be missing from the event alone, so the API is asked.

    Should it have no recording either, the memo ends as ignored.
    """
    if message.chat_id is not None and message.message_id is None:
        return Ignored("no-audio")
    return _voice_memo(message, received_at)


def _text_message(message: _Message, text: str, received_at: datetime) -> Event:
    if message.chat_id is None:
        return Ignored("no-chat")
    message_id = message.message_id or _hashed_id(message)
    sent_at = message.sent_at or received_at.astimezone(UTC)
    return TextMessage(message.chat_id, message_id, message.person, sent_at, text, message.group)


def _hashed_id(message: _Message) -> str:
    """Name a message that has no id by what it is, and by nothing that its delivery adds.

    The same message gets the same name under another event_id; another recording, time or chat makes another name.
    """
    sent_at = message.sent_at.isoformat() if message.sent_at else ""
    sources = [one.base64 if isinstance(one, InlineAudio) else one.url for one in message.found.audio]
    digest = hashlib.sha256()
    for part in (message.chat_id or "", message.person, sent_at, message.text or "", *sources):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:%b" % (len(data), data))
    return f"event-{digest.hexdigest()[:32]}"
