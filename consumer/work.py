"""Work: what is to be done with a memo, from the event that brings it, or from what the ledger remembers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from audio.clips import Line
from consumer import resume
from consumer.events import TextMessage, Unreadable, VoiceMemo, parse
from consumer.memo import Memo
from consumer.stages.apology import Apology
from runtime.trace_context import extract

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from opentelemetry.trace import SpanContext

    from storage.ledger import Claim, Event, Place


_LONGEST_TEXT = 8_000
"""Characters of a text message that are answered, and kept."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done with a memo."""

    memo: Memo
    event: Event | None
    """What brought it; None when nobody knows any more."""
    owned: Callable[[], bool]
    """Whether the group still sees it as ours."""
    apology: Apology | None = None
    """What to say, where nothing else can be."""
    may_park: bool = True
    """Whether what failed may be tried again later; that its original can be kept is waited for in any case."""

    @property
    def place(self) -> Place | None:
        """Where its event stands."""
        return self.event.place if self.event else None

    @property
    def trace(self) -> SpanContext | None:
        """Whose work it goes on with."""
        return extract(self.event.headers) if self.event else None


def brought(
    event: Event, parsed: VoiceMemo | TextMessage | Unreadable, owned: Callable[[], bool], *, may_park: bool = True
) -> Work:
    """Say what is to be done with an event that belongs to a chat.

    Raises:
        ValueError: it belongs to none.
    """
    if isinstance(parsed, VoiceMemo):
        return Work(parsed.memo, event, owned, may_park=may_park)
    if isinstance(parsed, TextMessage):
        return Work(_written(parsed), event, owned, may_park=may_park)
    if parsed.chat_id is None:
        raise ValueError("an event without a chat is no work")
    memo = Memo(parsed.chat_id, unread_id(event.value or b""), "", _time(event), ())
    return Work(memo, event, owned, Apology(Line.NOT_PROCESSED, parsed.reason), may_park=may_park)


def remembered(
    claim: Claim,
    event: Event | None,
    owned: Callable[[], bool],
    *,
    our_numbers: Collection[str],
    may_park: bool = True,
) -> Work:
    """Say what is to be done with a memo of the ledger: by its event, else by its row alone."""
    if event is not None:
        parsed = parse(event.value, received_at=_time(event), our_numbers=our_numbers)
        if isinstance(parsed, VoiceMemo | TextMessage | Unreadable):
            return brought(event, parsed, owned, may_park=may_park)
    return Work(resume.memo_of(claim.key, claim.facts), event, owned, may_park=may_park)


def _written(said: TextMessage) -> Memo:
    text = said.text[:_LONGEST_TEXT]
    return Memo(said.chat_id, said.message_id, said.person, said.sent_at, (), said.group, text)


def unread_id(value: bytes) -> str:
    """Give what an event that cannot be read is known by."""
    return f"event-{hashlib.sha256(value).hexdigest()[:32]}"


def _time(event: Event) -> datetime:
    return datetime.fromtimestamp(event.at, UTC)
