"""Delivering: what is known of a send outlives the sends that follow it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

from consumer.lease import Lease
from consumer.memo import Answering, Delivered, Memo
from consumer.notices import Notices
from consumer.progress import Progress, Timing
from consumer.stages.deliver import Deliver
from providers.errors import OutcomeUnknown, ProviderError, Unavailable
from storage.ledger import Claim, Event, MemoKey, Place
from storage.memory import MemoryStore
from tests.virtual_time import in_virtual_time

KEY = MemoKey("51", "1")
EVENT = Event(Place("t", 0, 0), 0.0, None, b"{}", ())
MEMO = Memo("51", "1", "+15550100001", datetime(2026, 1, 1, tzinfo=UTC), (), text="hi")
ANSWERING = Answering(MEMO, "yes", "en", "llama")


class SlowToTell:
    """A Series API that takes the first message without saying so, lists it late, and refuses the second."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.tries = 0
        self.looks = 0

    async def send_text(self, *_: object, **__: object) -> str:
        """Send."""
        self.tries += 1
        if self.tries == 2:
            raise Unavailable("series", "down")
        self.sent.append(self.tries)
        if self.tries == 1:
            raise OutcomeUnknown("series", "no answer in time")
        return "another"

    async def find_sent(self, *_: object, **__: object) -> str | None:
        """Look: it is listed from the second time on."""
        self.looks += 1
        return "first" if self.looks > 1 else None


@in_virtual_time
async def test_a_refusal_says_nothing_of_an_earlier_send() -> None:
    """A send that may have gone out is looked for until it is found, though a later one was surely refused."""
    clock = asyncio.get_running_loop().time
    ledger, api = MemoryStore(clock=clock).ledger, SlowToTell()
    deliver = Deliver(cast("Any", api), cast("Any", None), 10.0)
    claim = await ledger.claim(KEY, owner="one", lease_seconds=30, facts={})
    found: Delivered | None = None
    for _ in range(3):
        assert isinstance(claim, Claim)
        lease = Lease(ledger, claim, seconds=30, asked_at=clock(), clock=clock)
        progress = Progress(claim, ledger, Notices(), lease)
        found = await deliver.found(MEMO, progress)
        if found is not None:
            break
        try:
            await deliver.in_writing(ANSWERING, progress, Timing())
        except ProviderError:
            await ledger.park(claim, EVENT, seconds=0, reason="down", facts=progress.facts, steps=())
            claim = await ledger.resume(KEY, owner="one", lease_seconds=30)
    assert found is not None
    assert (found.sent_id, api.sent) == ("first", [1])
