"""The work that a memo needs, and the outcome of an attempt at it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self, TypeAlias

from audio.clips import Line
from consumer.events.parse import TextMessage, Unreadable, VoiceMemo, parse
from consumer.memo import checkpoint
from consumer.memo.endings import Apology
from consumer.memo.states import Memo
from storage.ledger import MemoKey

if TYPE_CHECKING:
    from collections.abc import Collection

    from storage.ledger import Claim, Event

_MAX_TEXT_CHARACTERS = 8_000
"""Longest text message; the rest is dropped."""


@dataclass(frozen=True, slots=True)
class Done:
    """The offset of the event may be committed."""


@dataclass(frozen=True, slots=True)
class Again:
    """The event needs another attempt later."""

    seconds: float


Outcome: TypeAlias = Done | Again
Answerable: TypeAlias = VoiceMemo | TextMessage | Unreadable
"""Parsed events that are answered."""


@dataclass(frozen=True, slots=True)
class Work:
    """A memo to be answered."""

    memo: Memo
    event: Event | None  # None if it is not kept any more
    apology: Apology | None = None  # the reply, where no other is possible
    may_park: bool = True
    """Whether a failed delivery may be tried again later, as keeping the original (I5) always is."""

    @classmethod
    def from_event(cls, event: Event, parsed: Answerable) -> Self:
        """Build the work from an event. Raises ValueError if it belongs to no chat."""
        match parsed:
            case VoiceMemo(memo):
                return cls(memo, event)
            case TextMessage():
                text = parsed.text[:_MAX_TEXT_CHARACTERS]
                memo = Memo(parsed.chat_id, parsed.message_id, parsed.person, parsed.sent_at, (), parsed.group, text)
                return cls(memo, event)
        if parsed.chat_id is None:
            raise ValueError("an event without a chat is no work")
        memo = Memo(parsed.chat_id, unread_id(event.value or b""), "", received_at(event), ())
        return cls(memo, event, Apology(Line.NOT_PROCESSED, parsed.reason))

    @classmethod
    def from_ledger(cls, claim: Claim, event: Event | None, *, our_numbers: Collection[str]) -> Self:
        """Build the work from the memo's event if that is kept, else from its facts."""
        if event is not None:
            parsed = parse(event.value, received_at=received_at(event), our_numbers=our_numbers)
            if isinstance(parsed, Answerable):
                return cls.from_event(event, parsed)
        return cls(checkpoint.restore_memo(claim.key, claim.facts), event)

    @property
    def key(self) -> MemoKey:
        """Key in the ledger."""
        return MemoKey(self.memo.chat_id, self.memo.message_id)


def unread_id(value: bytes) -> str:
    """Return a message id for an event that cannot be read: a hash of its bytes."""
    return f"event-{hashlib.sha256(value).hexdigest()[:32]}"


def received_at(event: Event) -> datetime:
    """Return the time of a record, in UTC."""
    return datetime.fromtimestamp(event.at, UTC)
