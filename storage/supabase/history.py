"""History in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.history import History
from storage.rows import turn_from_row, turn_to_row
from storage.supabase.rows import storable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.history import PastTurn
    from storage.supabase.client import SupabaseClient


class SupabaseHistory(History):
    """`History` behind the functions of 0002_history.sql."""

    def __init__(self, client: SupabaseClient) -> None:
        self._client = client

    async def recent(self, chat_id: str, *, limit: int) -> Sequence[PastTurn]:
        found = await self._client.call("voicememo_recent", {"p_chat_id": storable(chat_id), "p_limit": limit})
        return [turn_from_row(row) for row in found["answer"]]

    async def append(self, chat_id: str, message_id: str, turns: Sequence[PastTurn]) -> None:
        rows = [turn_to_row(turn) for turn in turns]
        arguments = {"p_chat_id": chat_id, "p_message_id": message_id, "p_turns": rows}
        await self._client.call("voicememo_remember", storable(arguments))
