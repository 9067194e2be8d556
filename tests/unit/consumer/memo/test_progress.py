"""Progress: what is told of a memo, and stored of it in order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from consumer.memo.asides import Asides
from consumer.memo.lease import Lease
from consumer.memo.progress import Progress
from consumer.notices import Notices
from storage.ledger import Claim, MemoKey
from storage.memory.store import MemoryStore
from storage.states import State
from tests.harness.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = MemoKey("51", "1")


class FarLedger:
    """A ledger behind a network: what is asked first may arrive last."""

    def __init__(self) -> None:
        self.real = MemoryStore(clock=asyncio.get_running_loop().time).ledger

    async def advance(self, claim: Claim, state: State, facts: Mapping[str, Any]) -> None:
        """Advance; the earlier the state, the longer it takes to get there."""
        facts = dict(facts)
        await asyncio.sleep(2.0 if state is State.KEPT else 0.1)
        await self.real.advance(claim, state, facts)


@in_virtual_time
async def test_two_advances_do_not_overtake_each_other() -> None:
    """What an aside stores and what the main line stores arrive in the order in which they were gained."""
    ledger, clock = FarLedger(), asyncio.get_running_loop().time
    claim = await ledger.real.claim(KEY, owner="one", lease_seconds=30, facts={})
    assert isinstance(claim, Claim)
    lease = Lease(cast("Any", ledger), claim, seconds=30, asked_at=clock(), clock=clock)
    progress = Progress(claim, cast("Any", ledger), Notices(), lease)
    async with Asides(progress) as asides:
        asides.start("keep", progress.advance(State.KEPT, {"original": "key"}), otherwise=None)
        await asyncio.sleep(0)
        await progress.advance(State.HEARD, {"transcript": "words"})
        await asides.finish()
    (story,) = await ledger.real.find(KEY.message_id)
    assert (asides.owed, story.state) == ([], State.HEARD)
    assert story.facts == {"original": "key", "transcript": "words"}
