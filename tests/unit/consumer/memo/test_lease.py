"""The lease: renewed in time, believed in no longer than the store does, long enough for a send."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from consumer.memo.lease import Lease
from storage.errors import Fenced, StoreUnavailable
from storage.ledger import Claim, MemoKey
from storage.memory.store import MemoryStore
from tests.harness.ledgers import FaultyLedger
from tests.harness.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from storage.ledger import Ledger

KEY = MemoKey("51", "1")
SECONDS = 30.0


class _TakenOver(FaultyLedger):
    """A ledger that refuses to renew, and notes when."""

    def __init__(self, real: Ledger) -> None:
        super().__init__(real)
        self.refusing = asyncio.Event()

    async def renew(self, claim: Claim, *, lease_seconds: float) -> None:
        del claim, lease_seconds
        self.refusing.set()
        raise Fenced("taken over")


async def leased(*, owned: bool = True) -> tuple[FaultyLedger, Lease]:
    """Claim a memo."""
    clock = asyncio.get_running_loop().time
    ledger, asked_at = FaultyLedger(MemoryStore(clock=clock).ledger), clock()
    claim = await ledger.real.claim(KEY, owner="one", lease_seconds=SECONDS, facts={})
    assert isinstance(claim, Claim)
    lease = Lease(ledger, claim, seconds=SECONDS, asked_at=asked_at, owned=lambda: owned, clock=clock)
    return ledger, lease


@in_virtual_time
async def test_a_lease_that_is_kept_goes_on() -> None:
    """Renewed at a third of its length, a lease outlives it many times over."""
    ledger, lease = await leased()
    async with lease.renewing():
        await asyncio.sleep(10 * SECONDS - 1)
        lease.check()
    assert ledger.effects["renew"] == 29


@in_virtual_time
async def test_a_lease_that_is_not_kept_ends() -> None:
    """Without renewal it is believed in exactly until it ends."""
    _, lease = await leased()
    await asyncio.sleep(SECONDS - 1)
    lease.check()
    await asyncio.sleep(1)
    with pytest.raises(Fenced):
        lease.check()


@in_virtual_time
async def test_a_send_lies_inside_its_lease() -> None:
    """A lease that would end before the send is renewed first; one with enough left is not."""
    ledger, lease = await leased()
    await lease.ensure_lasts(SECONDS / 2)
    assert ledger.effects["renew"] == 0
    await asyncio.sleep(SECONDS - 1)
    await lease.ensure_lasts(SECONDS / 2)
    assert ledger.effects["renew"] == 1
    await asyncio.sleep(SECONDS / 2)
    lease.check()


@in_virtual_time
async def test_no_send_begins_on_a_lease_that_cannot_be_renewed() -> None:
    """While the store is away, what is left of a lease is not enough to send in."""
    ledger, lease = await leased()
    ledger.away = True
    await asyncio.sleep(SECONDS - 1)
    with pytest.raises(StoreUnavailable):
        await lease.ensure_lasts(SECONDS / 2)


@in_virtual_time
async def test_a_store_that_comes_back_in_time_costs_nothing() -> None:
    """Renewals that fail are tried again for as long as the lease runs."""
    ledger, lease = await leased()
    async with lease.renewing():
        ledger.away = True
        await asyncio.sleep(SECONDS * 0.6)
        ledger.away = False
        await asyncio.sleep(SECONDS)
        lease.check()


@in_virtual_time
async def test_a_store_that_stays_away_ends_the_work() -> None:
    """When the lease has run out unrenewed, the work is cancelled, and the reason is Fenced."""
    ledger, lease = await leased()
    ledger.away = True
    with pytest.raises(Fenced):
        async with lease.renewing():
            await asyncio.sleep(10 * SECONDS)
    assert asyncio.get_running_loop().time() <= SECONDS * 4 / 3


@in_virtual_time
@pytest.mark.parametrize("error", [None, Fenced("taken over"), ZeroDivisionError()])
async def test_work_that_ends_with_its_lease_ends_as_it_did(error: Exception | None) -> None:
    """Work that ends in the very moment in which the lease is lost is not cancelled.

    A process that was stopped wakes so: the renewal and what the work waited for are refused together.
    """
    ledger, lease = await leased()
    taken_over = _TakenOver(ledger)
    lease.ledger = taken_over

    async def work() -> None:
        async with lease.renewing():
            await taken_over.refusing.wait()
            if error is not None:
                raise error

    (ended,) = await asyncio.gather(work(), return_exceptions=True)
    assert ended is error


@in_virtual_time
async def test_a_cancellation_is_not_taken_for_a_lost_lease() -> None:
    """Work that is cancelled while the lease runs raises CancelledError, and the renewal ends."""
    ledger, lease = await leased()

    async def work() -> None:
        async with lease.renewing():
            await asyncio.sleep(10 * SECONDS)

    working = asyncio.create_task(work())
    await asyncio.sleep(1)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    await asyncio.sleep(SECONDS)
    assert ledger.effects["renew"] == 0


@in_virtual_time
async def test_a_partition_that_is_gone_ends_the_work() -> None:
    """A lease that runs is not enough: the group must still see the event as ours."""
    _, lease = await leased(owned=False)
    lease.check()
    with pytest.raises(Fenced):
        lease.check_owned()
