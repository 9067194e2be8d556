"""Shapes of events seen in the wild: each is a function from a message to an event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from consumer.memo.states import AbsentAudio, InlineAudio, LinkedAudio

if TYPE_CHECKING:
    from datetime import datetime

Json: TypeAlias = Any
"""Any JSON."""
Source: TypeAlias = InlineAudio | LinkedAudio

OUR_NUMBER = "+15550109999"
MISSING = object()
"""Marks a key to leave out."""


@dataclass(frozen=True)
class Message:
    """A message of a person."""

    chat_id: str
    message_id: str | None
    person: str
    sent_at: datetime
    text: str
    group: bool
    attachment: Json
    """The attachment's object; None without one."""
    sources: tuple[Source, ...] = ()
    """The sources of its recording, in the expected order."""

    @property
    def audio(self) -> tuple[Source | AbsentAudio, ...]:
        """The expected sources."""
        return (*self.sources, *((AbsentAudio(),) if self.message_id else ()))


def bare(event: dict[str, Json]) -> dict[str, Json]:
    """Leave out keys marked as missing."""
    return {key: value for key, value in event.items() if value is not MISSING}


def _members(message: Message) -> list[Json]:
    others = [message.person, *(["+15550109998"] if message.group else [])]
    ours = {"identifier": OUR_NUMBER, "display_name": "Series", "is_me": True}
    return [ours, *({"identifier": other, "display_name": None, "is_me": False} for other in others)]


def _v2(message: Message, sent_at: Json, **more: Json) -> dict[str, Json]:
    data = {
        "id": message.message_id,
        "chat_id": message.chat_id,
        "text": message.text,
        "from_phone": message.person,
        "sent_at": sent_at,
        "service": "iMessage",
        "is_read": False,
        "reaction_id": None,
        "chat_handles": _members(message),
        "attachments": [],
    }
    return {"api_version": "v2", "event_type": "message.received", "event_id": "e-1", "data": bare(data | more)}


def v2_attachments(message: Message, sent_at: Json) -> dict[str, Json]:
    """The documented v2 envelope."""
    return _v2(message, sent_at, attachments=[message.attachment] if message.attachment else [])


def v2_audio(message: Message, sent_at: Json) -> dict[str, Json]:
    """`data.audio`."""
    return _v2(message, sent_at, audio=message.attachment)


def v2_message_audio(message: Message, sent_at: Json) -> dict[str, Json]:
    """`data.message.audio`."""
    event = _v2(message, sent_at, attachments=MISSING)
    return event | {"data": event["data"] | {"message": {"audio": message.attachment}}}


def v2_numbers(message: Message, sent_at: Json) -> dict[str, Json]:
    """The v2 envelope with numeric ids, as in the REST API."""
    event = v2_attachments(message, sent_at)
    ids = {"chat_id": int(message.chat_id), "id": int(message.message_id) if message.message_id else None}
    return event | {"data": event["data"] | ids}


def top_audio(message: Message, sent_at: Json) -> dict[str, Json]:
    """`audio` next to `data`."""
    return _v2(message, sent_at, attachments=None) | {"audio": message.attachment}


def top_message_audio(message: Message, sent_at: Json) -> dict[str, Json]:
    """`message.audio` next to `data`."""
    return _v2(message, sent_at, attachments=None) | {"message": {"audio": message.attachment}}


def short(message: Message, sent_at: Json) -> dict[str, Json]:
    """The short form, all on one level."""
    data = _v2(message, sent_at, attachments=MISSING)["data"]
    return {"event": "message.received", **data, "audio": message.attachment}


def nameless(message: Message, sent_at: Json) -> dict[str, Json]:
    """The message alone, without the name of an event."""
    event: dict[str, Json] = v2_attachments(message, sent_at)["data"]
    return event


def quickstart(message: Message, sent_at: Json) -> dict[str, Json]:
    """The form of the v2 quickstart page."""
    inner = {
        "id": message.message_id,
        "text": message.text,
        "from": message.person,
        "attachments": [message.attachment] if message.attachment else None,
    }
    chat = {"id": message.chat_id, "is_group": message.group}
    return {"event": "message.received", "timestamp": sent_at, "data": {"message": inner, "chat": chat}}


def _parts(message: Message) -> list[Json]:
    words_part = [{"type": "text", "value": message.text}] if message.text else []
    return [*words_part, *([{"type": "media"} | _typed(message.attachment)] if message.attachment else [])]


def _typed(attachment: dict[str, Json]) -> dict[str, Json]:
    """A part whose type is media, unless it says audio."""
    return {key: value for key, value in attachment.items() if key != "type" or value != "file"}


def v3_2026(message: Message, sent_at: Json) -> dict[str, Json]:
    """The v3 envelope of 2026-02-03."""
    data = {
        "id": message.message_id,
        "chat": {
            "id": message.chat_id,
            "is_group": message.group,
            "owner_handle": {"handle": OUR_NUMBER, "is_me": True},
        },
        "direction": "inbound",
        "sender_handle": {"id": "h-1", "handle": message.person, "service": "iMessage", "is_me": False},
        "parts": _parts(message),
        "service": "iMessage",
        "sent_at": sent_at,
        "reconciled_at": None,
    }
    return {"api_version": "v3", "webhook_version": "2026-02-03", "event_type": "message.received", "data": data}


def v3_2025(message: Message, sent_at: Json) -> dict[str, Json]:
    """The v3 envelope of 2025-01-01."""
    data = {
        "chat_id": message.chat_id,
        "from": message.person,
        "recipient_phone": OUR_NUMBER,
        "received_at": sent_at,
        "is_from_me": False,
        "message": {"id": message.message_id, "parts": _parts(message)},
    }
    return {"api_version": "v3", "webhook_version": "2025-01-01", "event_type": "message.received", "data": data}


Shape: TypeAlias = Callable[[Message, Json], dict[str, Json]]
SHAPES: tuple[Shape, ...] = (
    *(v2_attachments, v2_audio, v2_message_audio, v2_numbers, top_audio, top_message_audio),
    *(short, nameless, quickstart, v3_2026, v3_2025),
)
WITHOUT_GROUPS = frozenset({"v3_2025"})
"""Shapes without a sign of whether a chat is a group."""
