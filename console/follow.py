"""Following an event to its end in the ledger, whichever process its worker is in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from consumer.events.parse import Ignored, TextMessage, VoiceMemo, parse
from consumer.handling.work import unread_id
from storage.ledger import Place

if TYPE_CHECKING:
    from collections.abc import Coroutine

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
    """Of its memo, if it has one."""


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
    """Wait until an event that is on the topic has ended, for at most `patience_seconds`.

    `our_numbers` and `texts` (whether text messages are answered) are as the worker has them.
    """
    event = parse(value, received_at=datetime.now(UTC), our_numbers=our_numbers)
    if isinstance(event, Ignored):
        return EventOutcome("ignored", event.reason, None)
    if isinstance(event, TextMessage):
        if not texts:
            return EventOutcome("ignored", "text-message", None)
        return await _within(patience_seconds, _settled(ledger, event.chat_id, event.message_id))
    if isinstance(event, VoiceMemo):
        return await _within(patience_seconds, _settled(ledger, event.memo.chat_id, event.memo.message_id))
    if event.chat_id is None:
        return await _within(patience_seconds, _buried(ledger, where, offset))
    return await _within(patience_seconds, _settled(ledger, event.chat_id, unread_id(value)))


async def _within(seconds: float, following: Coroutine[None, None, EventOutcome]) -> EventOutcome:
    try:
        async with asyncio.timeout(seconds):
            return await following
    except TimeoutError:
        return EventOutcome("waiting", f"no end within {seconds:g} s: is a worker running, with this STORE_URL?", None)


async def _settled(ledger: Ledger, chat_id: str, message_id: str) -> EventOutcome:
    while True:
        for story in await ledger.find(message_id):
            if story.key.chat_id == chat_id and story.state.settled:
                return EventOutcome(story.state.value, story.reason, story)
        await asyncio.sleep(_LOOK_SECONDS)


async def _buried(ledger: Ledger, where: Partition, offset: int) -> EventOutcome:
    while True:
        for letter in await ledger.dead_letters(limit=_LETTERS):
            if letter.event.place == Place(*where, offset):
                return EventOutcome("dead", letter.reason, None)
        await asyncio.sleep(_LOOK_SECONDS)
