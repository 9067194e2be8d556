"""Ledger in PostgreSQL: an SQL function for each method, by the server's clock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from storage.ledger import Behind, Claim, Held, Ledger, MemoKey, Parked, Place, Settled
from storage.supabase import rows
from storage.supabase.calls import IdempotencyKeys
from storage.supabase.client import EVENT_SECONDS
from storage.supabase.rows import storable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from storage.ledger import DeadLetter, Event, JsonValue, Step, Story
    from storage.states import State
    from storage.supabase.client import SupabaseClient


class SupabaseLedger(Ledger):
    """`Ledger` behind SQL functions; calls that may not be repeated carry an idempotency key."""

    def __init__(self, client: SupabaseClient) -> None:
        self._client = client
        self._unanswered = IdempotencyKeys()

    async def claim(
        self, key: MemoKey, *, owner: str, lease_seconds: float, facts: Mapping[str, JsonValue]
    ) -> Claim | Held | Parked | Behind | Settled:
        wanted = {"p_owner": owner, "p_lease_seconds": lease_seconds, "p_facts": storable(facts)}
        with self._unanswered.key(("claim", key, owner)) as call:
            row = await self._client.call("voicememo_claim", {**rows.address(key), **wanted, "p_call": call})
        return rows.read_answer(key, row)

    async def renew(self, claim: Claim, *, lease_seconds: float) -> None:
        await self._client.call("voicememo_renew", {**_held(claim), "p_lease_seconds": lease_seconds})

    async def advance(self, claim: Claim, state: State, facts: Mapping[str, JsonValue]) -> None:
        got = {"p_state": state.value, "p_facts": storable(facts)}
        await self._client.call("voicememo_advance", {**_held(claim), **got})

    async def settle(
        self,
        claim: Claim,
        state: State,
        *,
        reason: str | None,
        facts: Mapping[str, JsonValue],
        steps: Sequence[Step],
        letter: DeadLetter | None = None,
    ) -> None:
        if not state.settled:
            raise ValueError(f"{state} settles nothing")
        end = {
            "p_state": state.value,
            "p_reason": reason,
            "p_facts": storable(facts),
            "p_steps": rows.steps_to_json(steps),
            "p_letter": rows.dead_letter_to_json(letter),
            **await asyncio.to_thread(rows.event_to_arguments, letter.event if letter else None),
        }
        seconds = EVENT_SECONDS if letter else None
        with self._unanswered.key(("settle", claim.key, claim.fence, state)) as call:
            await self._client.call("voicememo_settle", {**_held(claim), **end, "p_call": call}, seconds=seconds)

    async def release(self, claim: Claim, *, steps: Sequence[Step]) -> None:
        await self._client.call("voicememo_release", {**_held(claim), "p_steps": rows.steps_to_json(steps)})

    async def park(
        self,
        claim: Claim,
        event: Event,
        *,
        seconds: float,
        reason: str,
        facts: Mapping[str, JsonValue],
        steps: Sequence[Step],
        holds_chat: bool = True,
    ) -> None:
        wait = {
            "p_seconds": seconds,
            "p_reason": reason,
            "p_facts": storable(facts),
            "p_steps": rows.steps_to_json(steps),
            "p_holds_chat": holds_chat,
            **await asyncio.to_thread(rows.event_to_arguments, event),
        }
        with self._unanswered.key(("park", claim.key, claim.fence, holds_chat)) as call:
            await self._client.call("voicememo_park", {**_held(claim), **wait, "p_call": call}, seconds=EVENT_SECONDS)

    async def park_behind(self, key: MemoKey, event: Event, *, facts: Mapping[str, JsonValue]) -> bool:
        packed = await asyncio.to_thread(rows.event_to_arguments, event)
        arguments = {**rows.address(key), "p_facts": storable(facts), **packed}
        row = await self._client.call("voicememo_park_behind", arguments, seconds=EVENT_SECONDS)
        return bool(row["parked"])

    async def due(self, topic: str, partitions: Collection[int], *, limit: int) -> Sequence[tuple[MemoKey, Place]]:
        wanted = {"p_topic": topic, "p_partitions": list(partitions), "p_limit": limit}
        found = await self._client.call("voicememo_due", wanted)
        return [(MemoKey(chat, message), Place(*place)) for chat, message, *place in found["answer"]]

    async def resume(self, key: MemoKey, *, owner: str, lease_seconds: float) -> Claim | Held | Behind | Settled:
        wanted = {**rows.address(key), "p_owner": owner, "p_lease_seconds": lease_seconds}
        with self._unanswered.key(("resume", key, owner)) as call:
            row = await self._client.call("voicememo_resume", {**wanted, "p_call": call})
        answer = rows.read_answer(key, row)
        if isinstance(answer, Parked):
            raise TypeError("resume() does not answer that a memo is parked")
        return answer

    async def revive(
        self, key: MemoKey, *, owner: str, lease_seconds: float, without: Collection[str], again: bool
    ) -> Claim | Held | Settled:
        dropped = sorted(without)
        wanted = {"p_owner": owner, "p_lease_seconds": lease_seconds, "p_without": dropped, "p_again": again}
        with self._unanswered.key(("revive", key, owner, again, tuple(dropped))) as call:
            row = await self._client.call("voicememo_revive", {**rows.address(key), **wanted, "p_call": call})
        answer = rows.read_answer(key, row)
        if isinstance(answer, Parked | Behind):
            raise TypeError("revive() does not answer that a memo waits")
        return answer

    async def event(self, key: MemoKey) -> Event | None:
        row = (await self._client.call("voicememo_event", rows.address(key), seconds=EVENT_SECONDS))["answer"]
        return await asyncio.to_thread(rows.read_event, row) if row is not None else None

    async def bury(self, letter: DeadLetter) -> None:
        event = await asyncio.to_thread(rows.event_to_arguments, letter.event)
        await self._client.call(
            "voicememo_bury", {"p_letter": rows.dead_letter_to_json(letter), **event}, seconds=EVENT_SECONDS
        )

    async def unpublished(self, *, limit: int, seconds: float) -> Sequence[DeadLetter]:
        wanted = {"p_limit": limit, "p_seconds": seconds}
        found = await self._client.call("voicememo_unpublished", wanted, seconds=EVENT_SECONDS)
        return await asyncio.to_thread(lambda: [rows.read_dead_letter(row) for row in found["answer"]])

    async def mark_published(self, letter: DeadLetter) -> None:
        place = letter.event.place
        named = {"p_topic": place.topic, "p_partition": place.partition, "p_offset": place.offset}
        await self._client.call("voicememo_published", {**named, "p_fence": letter.fence})

    async def find(self, message_id: str) -> Sequence[Story]:
        found = await self._client.call("voicememo_find", {"p_message_id": storable(message_id)})
        return [rows.read_story(row) for row in found["answer"]]

    async def waiting(self, *, limit: int) -> Sequence[Story]:
        found = await self._client.call("voicememo_waiting", {"p_limit": limit})
        return [rows.read_story(row) for row in found["answer"]]

    async def dead_letters(self, *, limit: int) -> Sequence[DeadLetter]:
        found = await self._client.call("voicememo_letters", {"p_limit": limit})
        return [rows.read_dead_letter(row) for row in found["answer"]]


def _held(claim: Claim) -> dict[str, object]:
    return {**rows.address(claim.key), "p_fence": claim.fence}
