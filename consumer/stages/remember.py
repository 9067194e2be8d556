"""A chat's turns: read before the answer, written after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from conversation.recent_turns import recent_turns
from storage.history import PastTurn

if TYPE_CHECKING:
    from asyncio import Task

    from consumer.memo.asides import Asides
    from consumer.memo.states import Delivered, Heard, Memo
    from storage.history import History


@dataclass(frozen=True, slots=True)
class Remember:
    """Reads and writes a chat's turns."""

    history: History

    def recall(self, memo: Memo, asides: Asides) -> Task[tuple[PastTurn, ...]]:
        """Read the earlier turns in an aside; none if that fails."""
        return asides.start("recall", recent_turns(self.history, memo.chat_id), otherwise=())

    async def __call__(self, heard: Heard, delivered: Delivered) -> None:
        """Write both turns, but no reply that is canned or was not said."""
        memo, answering = heard.memo, delivered.answering
        turns = [PastTurn("user", heard.words, heard.language, memo.sent_at)]
        if answering.rung != "canned" and delivered.said == answering.text:
            turns.append(PastTurn("assistant", delivered.said, answering.language, datetime.now(UTC)))
        await self.history.append(memo.chat_id, memo.message_id, turns)
