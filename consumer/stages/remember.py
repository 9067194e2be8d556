"""Recall and remember: a chat's last turns, read before the answer and written after it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from storage.history import Turn

if TYPE_CHECKING:
    from asyncio import Task

    from consumer.asides import Asides
    from consumer.memo import Delivered, Heard, Memo
    from storage.history import History

_TURNS = 10
"""How many turns the model is shown."""
_PATIENCE_SECONDS = 3.0
"""How long the person waits, at most, for their history to be read."""


async def recent_turns(history: History, chat_id: str) -> tuple[Turn, ...]:
    """Return the last turns of a chat, oldest first. Raises StoreUnavailable, and TimeoutError after 3 s."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        return tuple(await history.recent(chat_id, limit=_TURNS))


@dataclass(frozen=True, slots=True)
class Recall:
    """Reads the past of a chat."""

    history: History

    def begin(self, memo: Memo, asides: Asides) -> Task[tuple[Turn, ...]]:
        """Read the past in an aside; it is empty if the history cannot be read."""
        return asides.start("recall", recent_turns(self.history, memo.chat_id), otherwise=())


@dataclass(frozen=True, slots=True)
class Remember:
    """Writes the two turns of a memo."""

    history: History

    async def __call__(self, heard: Heard, delivered: Delivered) -> None:
        """Write what the person said, and the reply if the model wrote it and it was said. Raises StoreUnavailable."""
        memo, answering = heard.memo, delivered.answering
        turns = [Turn("user", heard.words, heard.language, memo.sent_at)]
        if answering.rung != "canned" and delivered.said == answering.text:
            turns.append(Turn("assistant", delivered.said, answering.language, datetime.now(UTC)))
        await self.history.append(memo.chat_id, memo.message_id, turns)
