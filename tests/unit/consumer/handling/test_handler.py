"""The handler between a claim and the work."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from consumer.events.parse import parse
from consumer.handling.bug_limit import BugLimit
from consumer.notices import Notices
from consumer.settings import load
from consumer.wiring import make_handler
from storage.ledger import Claim, Event, MemoKey, Place
from storage.memory.store import MemoryStore
from storage.states import State
from tests.harness.ledgers import FaultyLedger
from tests.harness.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from consumer.handling.handler import Handler

KEY = MemoKey("51", "1")
LEASE = 30.0
DATA = {"id": "1", "chat_id": "51", "from_phone": "+15550100001", "audio": {"data": "AAAA"}}
VALUE = json.dumps({"event_type": "message.received", "data": DATA}).encode()
EVENT = Event(Place("t", 0, 0), 1_700_000_000.0, None, VALUE, ())


def slow_ledger(*, event_seconds: float = 0.0, claim_seconds: float = 0.0) -> FaultyLedger:
    """A memory ledger that is slow to read an event, or to answer a claim."""
    real = MemoryStore(clock=asyncio.get_running_loop().time).ledger
    return FaultyLedger(real, delays={"event": event_seconds}, late={"claim": claim_seconds, "revive": claim_seconds})


class _Pipeline:
    """Counts memos; each meets a bug."""

    def __init__(self) -> None:
        self.runs = 0

    async def __call__(self, *_: object) -> None:
        self.runs += 1
        raise ZeroDivisionError


def handler(ledger: FaultyLedger, pipeline: _Pipeline) -> Handler:
    """Build a handler by the loop's clock."""
    parts: Any = pipeline
    clock = asyncio.get_running_loop().time
    settings = load({"SERIES_API_URL": "http://127.0.0.1:1", "SERIES_API_KEY": "key", "LEASE_SECONDS": str(LEASE)})
    made = make_handler(settings, parts, ledger, cast("Any", Outbox()), Notices())
    return replace(made, bugs=BugLimit(99, clock=clock), lease_clock=clock, clock=clock)


class Outbox:
    """Where dead letters would be published."""

    def post(self, letter: object) -> None:
        """Publish nothing."""


async def parked(ledger: FaultyLedger) -> None:
    """Have a memo wait that is due now."""
    claim = await ledger.real.claim(KEY, owner="zero", lease_seconds=LEASE, facts={})
    assert isinstance(claim, Claim)
    await ledger.real.park(claim, EVENT, seconds=0, reason="down", facts={}, steps=())


@in_virtual_time
async def test_an_event_that_is_read_for_longer_than_a_lease_is_worked_on() -> None:
    """A parked memo is held while its event is read slowly, and then brought to its end."""
    ledger, pipeline = slow_ledger(event_seconds=2 * LEASE), _Pipeline()
    await parked(ledger)
    await handler(ledger, pipeline).retry_parked(KEY, lambda: True)
    (story,) = await ledger.real.find(KEY.message_id)
    assert pipeline.runs
    assert story.state is State.DEAD


@in_virtual_time
async def test_an_operator_s_memo_is_held_while_its_event_is_read() -> None:
    """The same holds where an operator has the memo answered."""
    ledger, pipeline = slow_ledger(event_seconds=2 * LEASE), _Pipeline()
    await parked(ledger)
    assert await handler(ledger, pipeline).revive(KEY, without=(), again=False) is State.DEAD


@in_virtual_time
async def test_a_memo_that_was_purged_meanwhile_is_passed() -> None:
    """A memo that was purged since it was found to be due harms nothing."""
    ledger, pipeline = slow_ledger(), _Pipeline()
    await handler(ledger, pipeline).retry_parked(KEY, lambda: True)
    assert not pipeline.runs


@in_virtual_time
@pytest.mark.parametrize("reading", [True, False])
async def test_who_is_cancelled_while_claiming_holds_nothing(reading: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    """A memo whose partition goes during the claim, or while its event is read, is free at once."""
    ledger = slow_ledger(event_seconds=1.0 if reading else 0.0, claim_seconds=1.0)
    ours = handler(ledger, _Pipeline())
    if reading:
        await parked(ledger)
        working = asyncio.create_task(ours.retry_parked(KEY, lambda: True))
    else:
        parsed: Any = parse(VALUE, received_at=datetime.now(UTC))
        working = asyncio.create_task(cast("Any", ours.take(EVENT, parsed, lambda: True)))
    await asyncio.sleep(0.5)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    (story,) = await ledger.real.find(KEY.message_id)
    assert (working.cancelled(), story.lease_until) == (True, None)


@in_virtual_time
async def test_an_operator_who_gives_up_while_claiming_holds_nothing() -> None:
    """A memo that is granted to an operator who has pressed Ctrl-C meanwhile is free at once."""
    ledger = slow_ledger(claim_seconds=1.0)
    await parked(ledger)
    working = asyncio.create_task(handler(ledger, _Pipeline()).revive(KEY, without=(), again=False))
    await asyncio.sleep(0.5)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    (story,) = await ledger.real.find(KEY.message_id)
    assert (working.cancelled(), story.lease_until) == (True, None)
