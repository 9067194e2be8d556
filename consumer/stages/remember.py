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
class Recall:
    """Reads the past of a chat."""

    history: History

    def begin(self, memo: Memo, asides: Asides) -> Task[tuple[PastTurn, ...]]:
        """Read the past in an aside; it is empty if that fails."""
        return asides.start("recall", recent_turns(self.history, memo.chat_id), otherwise=())


@dataclass(frozen=True, slots=True)
class Remember:
    """Writes a memo's turns."""

    history: History

    async def __call__(self, heard: Heard, delivered: Delivered) -> None:
        """Write both turns, but no reply that is canned or was not said."""
        memo, answering = heard.memo, delivered.answering
        turns = [PastTurn("user", heard.words, heard.language, memo.sent_at)]
        if answering.rung != "canned" and delivered.said == answering.text:
            turns.append(PastTurn("assistant", delivered.said, answering.language, datetime.now(UTC)))
        await self.history.append(memo.chat_id, memo.message_id, turns)
