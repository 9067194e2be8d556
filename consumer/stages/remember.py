"""Recall and remember: what was said in a chat, read before the answer and written after it."""

from __future__ import annotations

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
"""How long the person waits, at most, for their history to be read, in seconds."""


@dataclass(frozen=True, slots=True)
class Recall:
    """Reads the past of a chat."""

    history: History

    async def __call__(self, memo: Memo) -> tuple[Turn, ...]:
        """Give the last turns, oldest first. Raises StoreUnavailable."""
        return tuple(await self.history.recent(memo.chat_id, limit=_TURNS))

    def begun(self, memo: Memo, asides: Asides) -> Task[tuple[Turn, ...]]:
        """Begin to read the past; it is read while others work, and empty when history is away."""
        nothing: tuple[Turn, ...] = ()
        return asides.start("recall", lambda: self(memo), otherwise=nothing, patience_seconds=_PATIENCE_SECONDS)


@dataclass(frozen=True, slots=True)
class Remember:
    """Writes the two turns of a memo."""

    history: History

    async def __call__(self, heard: Heard, delivered: Delivered) -> None:
        """Write what the person said, and the reply if it was the model's own and was said. Raises StoreUnavailable."""
        memo, answering = heard.memo, delivered.answering
        turns = [Turn("user", heard.words, heard.language, memo.sent_at)]
        if answering.rung != "canned" and delivered.said == answering.text:
            turns.append(Turn("assistant", delivered.said, answering.language, datetime.now(UTC)))
        await self.history.append(memo.chat_id, memo.message_id, turns)
