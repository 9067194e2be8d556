"""Parser of Kafka record values into events; never raises.

A message's fields stand in one or more layers: `data`, `data.message`, the envelope, and its `message`; the first wins.
fixtures/events has one of each shape.

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

from consumer.events.attachments import find_attachments
from consumer.events.json_fields import as_identifier, as_keyword, as_object, as_objects, as_text, first_readable
from consumer.events.people import author_handle, is_from_us, is_group
from consumer.events.timestamps import parse_time
from consumer.memo.states import AbsentAudio, InlineAudio, Memo

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from consumer.events.attachments import Attachments
    from consumer.events.json_fields import Json
    from consumer.memo.states import Audio


@dataclass(frozen=True, slots=True)
class VoiceMemo:
    """A voice memo from a person."""

    memo: Memo


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A text message from a person."""

    chat_id: str
    message_id: str
    person: str = field(repr=False)
    sent_at: datetime
    text: str = field(repr=False)
    group: bool = False


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that needs no reply."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An event that cannot be understood."""

    reason: str
    chat_id: str | None = None
    """Where to apologise."""


ParsedEvent: TypeAlias = VoiceMemo | TextMessage | Ignored | Unreadable


@dataclass(frozen=True, slots=True)
class Address:
    """The chat and the id of an event."""

    chat_id: str | None = None
    event_id: str | None = None
    """The event's own id, not its message's."""
    missing: str | None = None
    """Why there is no chat_id: empty, not-json, not-an-object or no-chat."""


def parse(value: bytes | None, *, received_at: datetime, our_numbers: Collection[str] = ()) -> ParsedEvent:
    """Parse a record's value; None is a tombstone. Never raises.

    Args:
        value: the record's value.
        received_at: the record's time, with zone; the default for the time of sending.
        our_numbers: whose messages are echoes.
    """
    envelope = _decode(value)
    if isinstance(envelope, (Ignored, Unreadable)):
        return envelope
    name = _event_name(envelope)
    if name == "message.sent":
        return Ignored("echo")
    if name not in {"message.received", ""}:
        return Ignored("other-event")
    layers = _layers(envelope)
    if is_from_us(layers, our_numbers):
        return Ignored("echo")
    if any(layer.get("reconciled_at") for layer in layers):
        return Ignored("recovered-history")
    return _classify(_read_message(envelope, layers, received_at), named=bool(name))


def address_of(value: bytes) -> Address:
    """Return the chat and the id of any event. Never raises."""
    envelope = _decode(value)
    if isinstance(envelope, (Ignored, Unreadable)):
        return Address(missing=envelope.reason)
    chat_id = _chat_id(_layers(envelope))
    return Address(chat_id, as_identifier(envelope.get("event_id")), None if chat_id else "no-chat")


def recordings_in(message: Mapping[str, object]) -> tuple[Audio, ...]:
    """Return the recordings in a message of `GET …/chat_messages/{id}`. Never raises."""
    layers = _layers(message)
    return find_attachments(layers, wordless=_text(layers) is None).audio


@dataclass(frozen=True, slots=True, repr=False)
class _Message:
    chat_id: str | None
    message_id: str
    has_stated_id: bool
    person: str
    sent_at: datetime
    text: str | None
    group: bool
    attachments: Attachments


def _decode(value: bytes | None) -> Json | Ignored | Unreadable:
    if not value or value.isspace():
        return Ignored("empty")
    try:
        envelope = json.loads(value.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return Unreadable("not-json")
    return envelope if isinstance(envelope, dict) else Unreadable("not-an-object")


def _event_name(envelope: Json) -> str:
    """Return the name or an empty string; a `type` without a dot is the message's."""
    kind = as_keyword(envelope.get("type"))
    return as_keyword(envelope.get("event_type")) or as_keyword(envelope.get("event")) or (kind if "." in kind else "")


def _layers(envelope: Json) -> tuple[Json, ...]:
    data = as_object(envelope.get("data"))
    layers = (data, as_object(data.get("message")), envelope, as_object(envelope.get("message")))
    return tuple(layer for layer in layers if layer)


def _chat_id(layers: Sequence[Json]) -> str | None:
    chats = [as_object(layer.get("chat")) for layer in layers]
    return first_readable(layers, ("chat_id",), as_identifier) or first_readable(chats, ("id",), as_identifier)


def _stated_id(envelope: Json, layers: Sequence[Json]) -> str | None:
    """Return the message's id; next to `data`, the envelope's `id` is the delivery's."""
    within = [layer for layer in layers if layer is not envelope or not as_object(envelope.get("data"))]
    return first_readable(within, ("id",), as_identifier) or first_readable(layers, ("message_id",), as_identifier)


def _text(layers: Sequence[Json]) -> str | None:
    parts = [part for layer in layers for part in as_objects(layer.get("parts"))]
    lines = [as_text(part.get("value")) for part in parts if as_keyword(part.get("type")) == "text"]
    return first_readable(layers, ("text",), as_text) or "\n".join(filter(None, lines)) or None


def _read_message(envelope: Json, layers: Sequence[Json], received_at: datetime) -> _Message:
    text = _text(layers)
    stated_id = _stated_id(envelope, layers)
    parse_stated = partial(parse_time, received_at=received_at)
    sent_at = first_readable(layers, ("sent_at", "received_at", "timestamp"), parse_stated)
    chat_id, person = _chat_id(layers), author_handle(layers)
    attachments = find_attachments(layers, wordless=text is None)
    return _Message(
        chat_id=chat_id,
        message_id=stated_id or _hashed_id(chat_id, person, sent_at, text, attachments),
        has_stated_id=stated_id is not None,
        person=person,
        sent_at=sent_at or received_at.astimezone(UTC),
        text=text,
        group=is_group(layers),
        attachments=attachments,
    )


def _classify(message: _Message, *, named: bool) -> ParsedEvent:
    """Return the event of a message; recordings go before text."""
    if not message.attachments.announced:
        if message.text is not None:
            return _text_message(message, message.text)
        if message.attachments.anything:
            return Ignored("no-audio")
        if not named:
            return Ignored("other-event")
    return _voice_memo(message)


def _voice_memo(message: _Message) -> ParsedEvent:
    """Return the memo; of a message with an id, the messenger may have a recording that the event lacks."""
    if message.chat_id is None:
        return Unreadable("no-chat")
    audio = (*message.attachments.audio, *((AbsentAudio(),) if message.has_stated_id else ()))
    if not audio:
        announced = message.attachments.announced
        return Unreadable("no-recording", message.chat_id) if announced else Ignored("no-audio")
    memo = Memo(message.chat_id, message.message_id, message.person, message.sent_at, audio, message.group)
    return VoiceMemo(memo)


def _text_message(message: _Message, text: str) -> ParsedEvent:
    if message.chat_id is None:
        return Ignored("no-chat")
    return TextMessage(message.chat_id, message.message_id, message.person, message.sent_at, text, message.group)


def _hashed_id(
    chat_id: str | None, person: str, sent_at: datetime | None, text: str | None, attachments: Attachments
) -> str:
    """Hash the message, so that a redelivery under another event_id has the same id."""
    sources = [source.base64 if isinstance(source, InlineAudio) else source.url for source in attachments.audio]
    digest = hashlib.sha256()
    for part in (chat_id or "", person, sent_at.isoformat() if sent_at else "", text or "", *sources):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:%b" % (len(data), data))
    return f"event-{digest.hexdigest()[:32]}"
