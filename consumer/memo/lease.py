"""Lease: a claim, renewed while the memo is worked on; losing it cancels the work.

The store decides who holds a memo. By our clock we stop believing that we do: it starts before the store's, so it ends
earlier, and it runs on while the process is stopped or the machine sleeps.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import asynccontextmanager
from dataclasses import InitVar, dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from storage.errors import Fenced, StoreUnavailable
from storage.ledger import Behind, Claim, Held, Parked, Settled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Sequence

    from storage.ledger import Ledger, Step

Refusal: TypeAlias = Held | Parked | Behind | Settled

LEASE_SECONDS = 30.0
"""Length of a lease by the store's clock; renewed after a third of it."""
_RELEASE_SECONDS = 3.0

log = logging.getLogger(__name__)


def boottime() -> float:
    """Return seconds since the machine started, including sleep where the system counts it."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)  # Linux (clock_gettime(2))
    return time.monotonic() if clock is None else time.clock_gettime(clock)


async def acquire(
    claiming: Coroutine[Any, Any, Claim | Refusal],
    ledger: Ledger,
    *,
    seconds: float,
    owned: Callable[[], bool],
    clock: Callable[[], float],
) -> Lease | Refusal:
    """Claim a memo; return its lease, or the refusal. A claim granted while we are cancelled is released."""
    asked_at, asking = clock(), asyncio.create_task(claiming)
    try:
        answer = await asyncio.shield(asking)
    except asyncio.CancelledError:
        await asyncio.wait({asking}, timeout=_RELEASE_SECONDS)
        if not asking.done():
            asking.cancel()
        elif asking.exception() is None and isinstance(granted := asking.result(), Claim):
            await release(granted, ledger)
        raise
    if not isinstance(answer, Claim):
        return answer
    return Lease(ledger, answer, seconds=seconds, asked_at=asked_at, owned=owned, clock=clock)


async def release(claim: Claim, ledger: Ledger, steps: Sequence[Step] = ()) -> None:
    """End the claim; if that fails, the lease runs out by itself."""
    try:
        async with asyncio.timeout(_RELEASE_SECONDS):
            await ledger.release(claim, steps=tuple(steps))
    except (StoreUnavailable, TimeoutError) as error:
        log.warning("memo.not_released", extra={"error": type(error).__name__})


@dataclass(slots=True)
class Lease:
    """Our hold on a memo."""

    ledger: Ledger
    claim: Claim
    seconds: float
    asked_at: InitVar[float]  # by `clock`, before the claim was granted
    owned: Callable[[], bool] = lambda: True  # whether the partition is still ours
    clock: Callable[[], float] = boottime  # runs on while the process is stopped
    _until: float = field(init=False)

    def __post_init__(self, asked_at: float) -> None:
        self._until = asked_at + self.seconds

    def check(self) -> None:
        """Raise Fenced if the lease may have run out: the last check before an irrevocable step."""
        if self.clock() >= self._until:
            raise Fenced("the lease has run out")

    async def ensure_lasts(self, seconds: float) -> None:
        """Renew the lease unless it lasts so long. Raises Fenced, StoreUnavailable."""
        if self._until - self.clock() < seconds:
            await self._renew_once()
        self.check()

    def check_owned(self) -> None:
        """Raise Fenced unless the lease runs and the partition is ours."""
        self.check()
        if not self.owned():
            raise Fenced("the partition is no longer ours")

    @asynccontextmanager
    async def renewing(self) -> AsyncIterator[None]:
        """Renew the lease while the block runs. Cancels the block and raises Fenced once it is lost."""
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
            inside = False  # the callback may be scheduled already, and would cancel what follows the block
            renewal.remove_done_callback(cancel_body)
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self.seconds / 3)
            try:
                await self._renew_once()
            except StoreUnavailable:  # tried again as long as the lease runs
                self.check()

    async def _renew_once(self) -> None:
        asked_at = self.clock()
        try:
            async with asyncio.timeout(self.seconds / 3):
                await self.ledger.renew(self.claim, lease_seconds=self.seconds)
        except TimeoutError as late:
            raise StoreUnavailable("the ledger does not answer") from late
        self._until = asked_at + self.seconds
