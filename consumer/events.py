"""Kafka bytes to what happened. The only place that knows the shapes of events; it never raises."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from consumer.attachments import attachments_in, recordings_in, text_of
from consumer.memo import AbsentAudio, Memo

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from consumer.memo import Audio

_RECEIVED: Final = frozenset({"message.received", ""})
_DELIVERY_KEYS: Final = frozenset({"event_id", "created_at", "trace_id", "timestamp", "webhook_version"})
"""What differs between two deliveries of one message."""
_LONGEST_ID: Final = 256
_NOT_DIGITS: Final = re.compile(r"\D+")
_YEARS: Final = range(2007, 2200)
"""Years in which a memo can have been sent: the first iPhone's, and a generous end."""


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


def parse(value: bytes | None, *, received_at: datetime, our_numbers: Collection[str] = ()) -> Event:
    """Say what happened. Total: every bytes value (and None, a tombstone) gives one of the four.

    Args:
        value: the record's value.
        received_at: the record's own time, with zone; used where the event does not say when it was sent.
        our_numbers: our own numbers, whose messages are echoes.
    """
    if not value:
        return Ignored("empty")
    try:
        event = json.loads(value)
    except (ValueError, RecursionError):
        return Unreadable("not-json")
    if not isinstance(event, dict):
        return Unreadable("not-an-object")
    kind = _string(event, "event_type") or _string(event, "event")
    if kind == "message.sent":
        return Ignored("echo")
    if kind not in _RECEIVED:
        return Ignored("other-event")
    return _message(_Message(event, received_at), our_numbers)


def recordings(message: Mapping[str, object]) -> tuple[Audio, ...]:
    """Find the recordings in a message as `GET …/chat_messages/{id}` gives it; empty when there are none. Total."""
    return recordings_in(message, _object(message, "message"))


class _Message:
    """A received message, in whichever of the envelopes it came."""

    def __init__(self, event: dict[str, object], received_at: datetime) -> None:
        self.event = event
        self.data = _object(event, "data") or event
        self.inner = _object(self.data, "message")
        self.chat = _object(self.data, "chat")
        self.sender = _object(self.data, "sender_handle")
        self.received_at = received_at

    @property
    def chat_id(self) -> str:
        return _id(self.data, "chat_id") or _id(self.chat, "id") or _id(self.inner, "chat_id") or _id(self.event, "chat_id")

    @property
    def message_id(self) -> str:
        outer = _id(self.data, "id") if self.data is not self.event else _id(self.event, "message_id")
        return outer or _id(self.inner, "id")

    @property
    def person(self) -> str:
        places = (
            (self.data, "from_phone"),
            (self.data, "from"),
            (self.sender, "handle"),
            (self.inner, "from_phone"),
            (self.inner, "from"),
        )
        return next((said for place, key in places if (said := _string(place, key))), "")

    @property
    def group(self) -> bool:
        others = [handle for handle in self._handles() if handle.get("is_me") is not True]
        return len(others) > 1 or self.chat.get("is_group") is True

    @property
    def sent_at(self) -> datetime:
        for place in (self.data, self.inner):
            for key in ("sent_at", "received_at", "timestamp", "created_at"):
                at = _time(place.get(key))
                if at is not None:
                    return at
        return self.received_at

    def is_echo(self, our_numbers: Collection[str]) -> bool:
        """Say whether it is our own message coming back."""
        ours = {_digits(number) for number in our_numbers}
        ours |= {_digits(_string(handle, "identifier")) for handle in self._handles() if handle.get("is_me") is True}
        said = (
            _string(self.data, "direction") == "outbound",
            self.data.get("is_from_me") is True,
            self.inner.get("is_from_me") is True,
            self.sender.get("is_me") is True,
        )
        return any(said) or bool(_digits(self.person)) and _digits(self.person) in ours

    def hashed_id(self) -> str:
        """Make an id of what the event says, without what differs between two deliveries of it."""
        said = {key: value for key, value in self.event.items() if key not in _DELIVERY_KEYS}
        canonical = json.dumps(said, sort_keys=True, ensure_ascii=True, default=str)
        return f"event-{hashlib.sha256(canonical.encode()).hexdigest()[:32]}"

    def _handles(self) -> list[dict[str, object]]:
        handles = self.data.get("chat_handles")
        return [handle for handle in handles if isinstance(handle, dict)] if isinstance(handles, list) else []


def _message(message: _Message, our_numbers: Collection[str]) -> Event:
    if message.is_echo(our_numbers):
        return Ignored("echo")
    if message.data.get("reconciled_at"):
        return Ignored("recovered-history")
    places = (message.data, message.inner) if message.data is message.event else (message.data, message.inner, message.event)
    audio = recordings_in(*places)
    text = text_of(message.data) or text_of(message.inner)
    if audio or (not text and _silent_about_itself(message)):
        return _voice_memo(message, audio)
    if not text:
        return Ignored("no-audio")
    if not message.chat_id:
        return Unreadable("no-chat")
    key = message.message_id or message.hashed_id()
    return TextMessage(message.chat_id, key, message.person, message.sent_at, text)


def _voice_memo(message: _Message, audio: tuple[Audio, ...]) -> Event:
    """Make the memo; where the API can be asked for it, that is the last resort for its recording."""
    if not message.chat_id:
        return Unreadable("no-chat")
    carried = tuple(each for each in audio if not isinstance(each, AbsentAudio))
    if message.message_id:
        carried = (*carried, AbsentAudio())
    if not carried:
        return Unreadable("no-audio", message.chat_id)
    key = message.message_id or message.hashed_id()
    return VoiceMemo(Memo(message.chat_id, key, message.person, message.sent_at, carried, message.group))


def _silent_about_itself(message: _Message) -> bool:
    """Say whether a message has no words and no attachments: a memo whose recording must be asked for looks so."""
    return bool(message.message_id) and not attachments_in(message.data) and not attachments_in(message.inner)


def _object(place: Mapping[str, object], key: str) -> dict[str, object]:
    value = place.get(key)
    return value if isinstance(value, dict) else {}


def _string(place: Mapping[str, object], key: str) -> str:
    value = place.get(key)
    return value.strip() if isinstance(value, str) else ""


def _id(place: Mapping[str, object], key: str) -> str:
    """Give an id as text: a string, or a whole number; anything else is none."""
    value = place.get(key)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    if isinstance(value, int):
        return str(value) if abs(value) < 10**18 else ""
    text = value.strip()
    return text if len(text) <= _LONGEST_ID and text.isprintable() else ""


def _digits(number: str) -> str:
    return _NOT_DIGITS.sub("", number)


def _time(value: object) -> datetime | None:
    """Read ISO 8601, `2026-11-21 10:00:00 -0600`, or seconds or milliseconds since the epoch; None for all else."""
    try:
        if isinstance(value, str):
            at = _written(value.strip())
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            at = datetime.fromtimestamp(value / 1000 if value > 10**11 else value, UTC)
        else:
            return None
        at = at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return at if at.year in _YEARS else None


def _written(text: str) -> datetime:
    """Read a time in the proxy's own writing (as seen live), else in ISO 8601."""
    try:
        return datetime.strptime(text[:64], "%Y-%m-%d %H:%M:%S %z")
    except ValueError:
        return datetime.fromisoformat(text[:64])
