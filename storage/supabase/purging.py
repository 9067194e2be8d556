"""Purging in PostgreSQL, by the functions of 0007_purging.sql."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from storage.ledger import Behind, MemoKey, Parked, Settled
from storage.purging import Purging
from storage.supabase import rows
from storage.supabase.client import EVENT_SECONDS
from storage.supabase.rows import storable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.ledger import Claim, DeadLetter, Held, Place, Story
    from storage.supabase.client import SupabaseClient


class SupabasePurging(Purging):
    """`Purging` behind SQL functions, which are safe to repeat when an answer was lost."""

    def __init__(self, client: SupabaseClient) -> None:
        self._client = client

    async def settled(self, seconds: float, *, purged: bool, limit: int) -> Sequence[Story]:
        wanted = {"p_seconds": seconds, "p_purged": purged, "p_limit": limit}
        found = await self._client.call("voicememo_settled", wanted, seconds=EVENT_SECONDS)
        return [rows.read_story(row) for row in found["answer"]]

    async def memos(self, *, after: MemoKey | None, limit: int) -> Sequence[Story]:
        begin = rows.address(after) if after else {"p_chat_id": None, "p_message_id": None}
        found = await self._client.call("voicememo_memos_after", {**begin, "p_limit": limit}, seconds=EVENT_SECONDS)
        return [rows.read_story(row) for row in found["answer"]]

    async def take(
        self, key: MemoKey, *, owner: str, lease_seconds: float, seconds: float | None = None
    ) -> Claim | Held | None:
        # Where the answer is lost, the lease runs out by itself.
        wanted = {"p_owner": owner, "p_lease_seconds": lease_seconds, "p_seconds": seconds}
        row = await self._client.call("voicememo_take", {**rows.address(key), **wanted})
        if row["answer"] == "none":
            return None
        answer = rows.read_answer(key, row)
        if isinstance(answer, Parked | Behind | Settled):
            raise TypeError("take() does not answer that a memo waits")
        return answer

    async def empty(self, claim: Claim, *, who: str | None = None) -> None:
        wanted = {**rows.address(claim.key), "p_fence": claim.fence, "p_who": who}
        await self._client.call("voicememo_empty", wanted)

    async def remove(self, key: MemoKey) -> None:
        await self._client.call("voicememo_remove", rows.address(key))

    async def old_dead_letters(self, seconds: float, *, limit: int) -> Sequence[DeadLetter]:
        found = await self._client.call("voicememo_old_letters", {"p_seconds": seconds, "p_limit": limit})
        return [rows.read_dead_letter(row) for row in found["answer"]]

    async def dead_letters_with(self, word: bytes, *, limit: int) -> Sequence[DeadLetter]:
        wanted = {"p_word": b64encode(word).decode(), "p_limit": limit}
        found = await self._client.call("voicememo_letters_with", wanted, seconds=EVENT_SECONDS)
        return [rows.read_dead_letter(row) for row in found["answer"]]

    async def drop_dead_letter(self, place: Place) -> None:
        named = {"p_topic": place.topic, "p_partition": place.partition, "p_offset": place.offset}
        await self._client.call("voicememo_drop_letter", named)

    async def turns(self, seconds: float, *, limit: int) -> Sequence[MemoKey]:
        found = await self._client.call("voicememo_old_turns", {"p_seconds": seconds, "p_limit": limit})
        return [MemoKey(*each) for each in found["answer"]]

    async def drop_turns(self, chat_id: str, message_id: str | None = None) -> None:
        await self._client.call("voicememo_drop_turns", storable({"p_chat_id": chat_id, "p_message_id": message_id}))

    async def forget(self, who: str) -> None:
        await self._client.call("voicememo_forget", {"p_who": who})

    async def scrub(self) -> bool:
        return True  # the server's own vacuum removes dead rows
