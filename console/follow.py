"""Following an event to its end in the ledger; its worker may be another process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from consumer.events.parse import Ignored, TextMessage, Unreadable, VoiceMemo, parse
from consumer.handling.work import unread_id
from storage.ledger import Place

if TYPE_CHECKING:
    from consumer.kafka.ports import Partition
    from storage.ledger import Ledger, Story

_LOOK_SECONDS = 0.1
_LETTERS = 1000


@dataclass(frozen=True, slots=True)
class EventOutcome:
    """How an event ended."""

    outcome: str
    """answered, apologised, ignored, failed, dead (in the dead-letter topic), or waiting when patience ran out."""
    reason: str | None
    story: Story | None


async def follow(
    ledger: Ledger,
    value: bytes,
    where: Partition,
    offset: int,
    *,
    our_numbers: tuple[str, ...],
    patience_seconds: float,
    texts: bool = False,
) -> EventOutcome:
    """Wait for the end of an event on the topic; `our_numbers` and `texts` (are they answered?) are the worker's."""
    match parse(value, received_at=datetime.now(UTC), our_numbers=our_numbers):
        case Ignored(reason):
            return EventOutcome("ignored", reason, None)
        case TextMessage() if not texts:
            return EventOutcome("ignored", "text-message", None)
        case VoiceMemo(memo) | (TextMessage() as memo):
            end = _settled(ledger, memo.chat_id, memo.message_id)
        case Unreadable(chat_id=None):
            end = _buried(ledger, Place(*where, offset))
        case unreadable:
            end = _settled(ledger, unreadable.chat_id, unread_id(value))
    try:
        async with asyncio.timeout(patience_seconds):
            return await end
    except TimeoutError:
        why = f"no end within {patience_seconds:g} s: is a worker running, with this STORE_URL?"
        return EventOutcome("waiting", why, None)


async def _settled(ledger: Ledger, chat_id: str | None, message_id: str) -> EventOutcome:
    while True:
        for story in await ledger.find(message_id):
            if story.key.chat_id == chat_id and story.state.settled:
                return EventOutcome(story.state.value, story.reason, story)
        await asyncio.sleep(_LOOK_SECONDS)


async def _buried(ledger: Ledger, place: Place) -> EventOutcome:
    while True:
        for letter in await ledger.dead_letters(limit=_LETTERS):
            if letter.event.place == place:
                return EventOutcome("dead", letter.reason, None)
        await asyncio.sleep(_LOOK_SECONDS)
