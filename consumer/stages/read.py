"""Read: Memo → Heard, for a text message."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.memo.states import Heard
from conversation.language.identify import identify_language
from conversation.recent_turns import last_language

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from consumer.memo.states import Memo
    from storage.history import PastTurn


@dataclass(frozen=True, slots=True)
class Read:
    """Identifies the language of the text."""

    default_language: str

    async def __call__(self, memo: Memo, past: Awaitable[tuple[PastTurn, ...]]) -> Heard:
        """Return the text as if it had been heard."""
        text, last = memo.text or "", last_language(await past)
        language = await asyncio.to_thread(
            identify_language, text, reported=None, last=last, default=self.default_language
        )
        return Heard(memo, text, language, "read")
