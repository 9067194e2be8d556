"""The recent turns of a chat."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.history import History, PastTurn

_TURNS = 10
_TIMEOUT_SECONDS = 3.0


async def recent_turns(history: History, chat_id: str) -> tuple[PastTurn, ...]:
    """Return the last turns of a chat, oldest first. Raises StoreUnavailable and TimeoutError."""
    async with asyncio.timeout(_TIMEOUT_SECONDS):
        return tuple(await history.recent(chat_id, limit=_TURNS))


def last_language(turns: tuple[PastTurn, ...]) -> str | None:
    """Return the language that the person last used."""
    return next((turn.language for turn in reversed(turns) if turn.role == "user"), None)
