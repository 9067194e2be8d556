"""Kafka bytes to what happened. The only place that knows the shapes of events; it never raises."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from consumer.memo import Memo

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

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
    raise NotImplementedError


def recordings(message: Mapping[str, object]) -> tuple[Audio, ...]:
    """Find the recordings in a message as `GET …/chat_messages/{id}` gives it; empty when there are none. Total."""
    raise NotImplementedError
