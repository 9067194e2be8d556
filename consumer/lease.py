"""Lease: a claim kept alive while the memo is worked on; losing it ends the work.

The store decides who holds a memo. This clock decides whether we may still believe that we do: it began before the
store's did, so it ends before, and it goes on while the process is stopped or the machine sleeps.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from storage.errors import Fenced, StoreUnavailable
from storage.ledger import Claim

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Sequence

    from storage.ledger import Ledger, Step

T = TypeVar("T")

LEASE_SECONDS = 30.0
"""By the store's clock; renewed at a third of its length."""
_RELEASE_SECONDS = 3.0

log = logging.getLogger(__name__)


def boottime() -> float:
    """Tell seconds since the machine started, those that it slept included, where the system can tell."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)  # Linux (clock_gettime(2))
    return time.monotonic() if clock is None else time.clock_gettime(clock)


async def claimed(claiming: Coroutine[Any, Any, T], ledger: Ledger) -> T:
    """Wait for an answer to a claim. One that is granted while we are cancelled is given back, and holds up nobody."""
    asking = asyncio.create_task(claiming)
    try:
        return await asyncio.shield(asking)
    except asyncio.CancelledError:
        await asyncio.wait({asking}, timeout=_RELEASE_SECONDS)
        if not asking.done():
            asking.cancel()
        elif asking.exception() is None and isinstance(answer := asking.result(), Claim):
            await given_back(answer, ledger)
        raise


async def given_back(claim: Claim, ledger: Ledger, steps: Sequence[Step] = ()) -> None:
    """Let another have the memo at once; should that fail, the lease runs out by itself."""
    try:
        async with asyncio.timeout(_RELEASE_SECONDS):
            await ledger.release(claim, steps=tuple(steps))
    except (StoreUnavailable, TimeoutError) as error:
        log.warning("memo.not_released", extra={"error": type(error).__name__})


class Lease:
    """Our hold on a memo.

    Args:
        ledger: where it is held.
        claim: the hold.
        seconds: how long it runs unless renewed, in seconds.
        asked_at: when it was asked for, by `clock`: before the store granted it.
        owned: whether the event is still ours to work on, as the group sees it.
        clock: seconds from a point of its own; must not stand still while the process is stopped.
    """

    def __init__(
        self,
        ledger: Ledger,
        claim: Claim,
        *,
        seconds: float,
        asked_at: float,
        owned: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = boottime,
    ) -> None:
        self._ledger = ledger
        self._claim = claim
        self._seconds = seconds
        self.owned = owned
        self._clock = clock
        self._until = asked_at + seconds

    def check(self) -> None:
        """Raise Fenced unless the lease surely still runs: the last look before something that cannot be undone."""
        if self._clock() >= self._until:
            raise Fenced("the lease has run out")

    async def lasting(self, seconds: float) -> None:
        """See that the lease runs for so many seconds more: what takes that long and cannot be undone lies inside it.

        Raises:
            Fenced: the claim was lost.
            StoreUnavailable: it could not be renewed.
        """
        if self._until - self._clock() < seconds:
            await self._renew_once()
        self.check()

    def check_owned(self) -> None:
        """Raise Fenced unless the lease runs and the group still sees the event as ours: to be asked before a send."""
        self.check()
        if not self.owned():
            raise Fenced("the partition is no longer ours")

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Renew the lease while the block runs.

        Raises:
            Fenced: the claim was lost; the block has been cancelled.
        """
        renewal = asyncio.create_task(self._renew(), name="lease-renewal")
        body = asyncio.current_task()
        lost, inside = False, True

        def cancel_body(_: asyncio.Task[None]) -> None:
            nonlocal lost
            if inside and not renewal.cancelled() and body is not None:
                lost = True
                body.cancel()

        renewal.add_done_callback(cancel_body)
        try:
            yield
        except asyncio.CancelledError:
            if lost and body is not None and body.uncancel() == 0:
                await renewal  # raises what ended it
            raise
        finally:
            inside = False  # the callback may be on its way already: what it cancelled would be the end of the block
            renewal.remove_done_callback(cancel_body)
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)

    async def _renew(self) -> None:
        """Renew until the lease is lost; a store that is away is asked again as long as the lease runs."""
        while True:
            await asyncio.sleep(self._seconds / 3)
            try:
                await self._renew_once()
            except StoreUnavailable:
                self.check()

    async def _renew_once(self) -> None:
        asked_at = self._clock()
        try:
            async with asyncio.timeout(self._seconds / 3):
                await self._ledger.renew(self._claim, lease_seconds=self._seconds)
        except TimeoutError as late:
            raise StoreUnavailable("the ledger does not answer") from late
        self._until = asked_at + self._seconds
