"""Deliver: one reply, whatever becomes of a send."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from consumer.memo.lease import Lease
from consumer.memo.progress import Progress
from consumer.memo.states import Answering, Delivered, Memo
from consumer.notices import Notices
from consumer.stages.deliver import Deliver
from providers.errors import OutcomeUnknown, ProviderError, Unavailable
from storage.ledger import Claim, Event, MemoKey, Place
from storage.memory.store import MemoryStore
from tests.harness.virtual_time import in_virtual_time

KEY = MemoKey("51", "1")
EVENT = Event(Place("t", 0, 0), 0.0, None, b"{}", ())
MEMO = Memo("51", "1", "+15550100001", datetime(2026, 1, 1, tzinfo=UTC), (), text="hi")
ANSWERING = Answering(MEMO, "yes", "en", "llama")


class SlowToTell:
    """A messenger that takes the first message without saying so, lists it late, and refuses the second."""

    service = "linq"
    listed_by_seconds = 5.0

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.tries = 0
        self.looks = 0

    async def send_text(self, *_: object, **__: object) -> str:
        """Send."""
        self.tries += 1
        if self.tries == 2:
            raise Unavailable(self.service, "down")
        self.sent.append(self.tries)
        if self.tries == 1:
            raise OutcomeUnknown(self.service, "no answer in time")
        return "another"

    async def find_sent(self, *_: object, **__: object) -> str | None:
        """Look: it is listed when two attempts have looked for it."""
        self.looks += 1
        return "first" if self.looks > 4 else None


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
        progress = Progress(lease, Notices())
        found = await deliver.find_earlier(MEMO, progress)
        if found is not None:
            break
        try:
            await deliver(ANSWERING, progress)
        except ProviderError:
            await ledger.park(claim, EVENT, seconds=0, reason="down", facts=progress.facts, steps=())
            claim = await ledger.resume(KEY, owner="one", lease_seconds=30)
    assert found is not None
    assert (found.sent_id, api.sent) == ("first", [1])


class Mute:
    """A messenger that never answers a send, and has nothing in the chat."""

    service = "linq"
    listed_by_seconds = 5.0

    async def send_text(self, *_: object, **__: object) -> str:
        """Send."""
        await asyncio.Event().wait()
        raise AssertionError

    async def find_sent(self, *_: object, **__: object) -> None:
        """Look."""


@in_virtual_time
async def test_the_service_that_did_not_answer_is_named() -> None:
    """An unknown outcome names the messenger that is used: when sending, and when a later attempt may not resend."""
    clock = asyncio.get_running_loop().time
    ledger, messenger = MemoryStore(clock=clock).ledger, cast("Any", Mute())
    deliver = Deliver(messenger, cast("Any", None), 10.0, resend_unknown=False)
    claim = await ledger.claim(KEY, owner="one", lease_seconds=30, facts={})
    assert isinstance(claim, Claim)
    progress = Progress(Lease(ledger, claim, seconds=30, asked_at=clock(), clock=clock), Notices())
    with pytest.raises(OutcomeUnknown, match=r"^linq:") as sending:
        await deliver(ANSWERING, progress)
    with pytest.raises(OutcomeUnknown, match=r"^linq:") as looking:
        await deliver.find_earlier(MEMO, progress)
    assert (sending.value.service, looking.value.service) == ("linq", "linq")
