"""A ledger with faults: slow, or away."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from storage.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence

    from storage.ledger import (
        Behind,
        Claim,
        DeadLetter,
        Event,
        Held,
        JsonValue,
        Ledger,
        MemoKey,
        Parked,
        Place,
        Settled,
        Step,
        Story,
    )
    from storage.states import State


class FaultyLedger:
    """The port `Ledger`, passed on to a real one with faults; both dicts may change at any time.

    Args:
        real: has the effects.
        delays: seconds that a method takes before its effect, by its name.
        late: seconds that a method's answer takes after its effect.
        away: whether every method raises StoreUnavailable.
    """

    def __init__(
        self,
        real: Ledger,
        *,
        delays: Mapping[str, float] | None = None,
        late: Mapping[str, float] | None = None,
        away: bool = False,
    ) -> None:
        self.real = real
        self.delays = dict(delays or {})
        self.late = dict(late or {})
        self.away = away
        self.effects: Counter[str] = Counter()
        """How often each method had its effect."""

    @asynccontextmanager
    async def _faults(self, name: str) -> AsyncIterator[None]:
        if self.away:
            raise StoreUnavailable("away")
        if seconds := self.delays.get(name):
            await asyncio.sleep(seconds)
        yield
        self.effects[name] += 1
        if seconds := self.late.get(name):
            await asyncio.sleep(seconds)

    async def claim(
        self, key: MemoKey, *, owner: str, lease_seconds: float, facts: Mapping[str, JsonValue]
    ) -> Claim | Held | Parked | Behind | Settled:
        """Pass it on."""
        async with self._faults("claim"):
            return await self.real.claim(key, owner=owner, lease_seconds=lease_seconds, facts=facts)

    async def renew(self, claim: Claim, *, lease_seconds: float) -> None:
        """Pass it on."""
        async with self._faults("renew"):
            await self.real.renew(claim, lease_seconds=lease_seconds)

    async def advance(self, claim: Claim, state: State, facts: Mapping[str, JsonValue]) -> None:
        """Pass it on."""
        facts = dict(facts)  # as they are now: the caller goes on with its own
        async with self._faults("advance"):
            await self.real.advance(claim, state, facts)

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
        """Pass it on."""
        async with self._faults("settle"):
            await self.real.settle(claim, state, reason=reason, facts=facts, steps=steps, letter=letter)

    async def release(self, claim: Claim, *, steps: Sequence[Step]) -> None:
        """Pass it on."""
        async with self._faults("release"):
            await self.real.release(claim, steps=steps)

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
        """Pass it on."""
        async with self._faults("park"):
            await self.real.park(
                claim, event, seconds=seconds, reason=reason, facts=facts, steps=steps, holds_chat=holds_chat
            )

    async def park_behind(self, key: MemoKey, event: Event, *, facts: Mapping[str, JsonValue]) -> bool:
        """Pass it on."""
        async with self._faults("park_behind"):
            return await self.real.park_behind(key, event, facts=facts)

    async def due(self, topic: str, partitions: Collection[int], *, limit: int) -> Sequence[tuple[MemoKey, Place]]:
        """Pass it on."""
        async with self._faults("due"):
            return await self.real.due(topic, partitions, limit=limit)

    async def resume(self, key: MemoKey, *, owner: str, lease_seconds: float) -> Claim | Held | Behind | Settled:
        """Pass it on."""
        async with self._faults("resume"):
            return await self.real.resume(key, owner=owner, lease_seconds=lease_seconds)

    async def revive(
        self, key: MemoKey, *, owner: str, lease_seconds: float, without: Collection[str], again: bool
    ) -> Claim | Held | Settled:
        """Pass it on."""
        async with self._faults("revive"):
            return await self.real.revive(key, owner=owner, lease_seconds=lease_seconds, without=without, again=again)

    async def event(self, key: MemoKey) -> Event | None:
        """Pass it on."""
        async with self._faults("event"):
            return await self.real.event(key)

    async def bury(self, letter: DeadLetter) -> None:
        """Pass it on."""
        async with self._faults("bury"):
            await self.real.bury(letter)

    async def unpublished(self, *, limit: int, seconds: float) -> Sequence[DeadLetter]:
        """Pass it on."""
        async with self._faults("unpublished"):
            return await self.real.unpublished(limit=limit, seconds=seconds)

    async def mark_published(self, letter: DeadLetter) -> None:
        """Pass it on."""
        async with self._faults("mark_published"):
            await self.real.mark_published(letter)

    async def find(self, message_id: str) -> Sequence[Story]:
        """Pass it on."""
        async with self._faults("find"):
            return await self.real.find(message_id)

    async def waiting(self, *, limit: int) -> Sequence[Story]:
        """Pass it on."""
        async with self._faults("waiting"):
            return await self.real.waiting(limit=limit)

    async def dead_letters(self, *, limit: int) -> Sequence[DeadLetter]:
        """Pass it on."""
        async with self._faults("dead_letters"):
            return await self.real.dead_letters(limit=limit)
