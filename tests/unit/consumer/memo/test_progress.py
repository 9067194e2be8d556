"""Progress: what is reported of a memo, and stored of it in order."""

from __future__ import annotations

import asyncio

from consumer.memo.asides import Asides
from consumer.memo.lease import Lease
from consumer.memo.progress import Progress
from consumer.notices import Notices
from storage.ledger import Claim, MemoKey
from storage.memory.store import MemoryStore
from storage.states import State
from tests.harness.ledgers import FaultyLedger
from tests.harness.virtual_time import in_virtual_time

KEY = MemoKey("51", "1")


@in_virtual_time
async def test_two_advances_do_not_overtake_each_other() -> None:
    """What an aside stores and what the main line stores arrive in the order in which they were gained."""
    clock = asyncio.get_running_loop().time
    ledger = FaultyLedger(MemoryStore(clock=clock).ledger, delays={"advance": 2.0})
    claim = await ledger.real.claim(KEY, owner="one", lease_seconds=30, facts={})
    assert isinstance(claim, Claim)
    lease = Lease(ledger, claim, seconds=30, asked_at=clock(), clock=clock)
    progress = Progress(lease, Notices())
    async with Asides(progress) as asides:
        asides.start("keep", progress.advance(State.KEPT, {"original": "key"}), otherwise=None)
        await asyncio.sleep(0)
        ledger.delays["advance"] = 0.1  # over a network, the first write may arrive last
        await progress.advance(State.HEARD, {"transcript": "words"})
        await asides.finish()
    (story,) = await ledger.real.find(KEY.message_id)
    assert (asides.owed, story.state) == ([], State.HEARD)
    assert story.facts == {"original": "key", "transcript": "words"}
