"""Lease: a claim kept alive while the memo is worked on; losing it ends the work."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from storage.errors import Fenced, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from storage.ledger import Claim, Ledger

LEASE_SECONDS = 30.0
"""By the store's clock; renewed at a third of its length."""


@asynccontextmanager
async def renewed(ledger: Ledger, claim: Claim, *, lease_seconds: float = LEASE_SECONDS) -> AsyncIterator[None]:
    """Renew the claim's lease while the block runs.

    Raises:
        Fenced: the claim was lost; the block has been cancelled.
    """
    renewal = asyncio.create_task(_renew(ledger, claim, lease_seconds), name="lease-renewal")
    body = asyncio.current_task()
    lost = False

    def cancel_body(_: asyncio.Task[None]) -> None:
        nonlocal lost
        if not renewal.cancelled() and body is not None:
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
        renewal.remove_done_callback(cancel_body)
        renewal.cancel()
        await asyncio.gather(renewal, return_exceptions=True)


async def _renew(ledger: Ledger, claim: Claim, lease_seconds: float) -> None:
    """Renew until the lease is lost; a store that is away is asked again as long as the lease runs."""
    loop = asyncio.get_running_loop()
    runs_until = loop.time() + lease_seconds
    while True:
        await asyncio.sleep(lease_seconds / 3)
        try:
            await ledger.renew(claim, lease_seconds=lease_seconds)
        except StoreUnavailable as away:
            if loop.time() + lease_seconds / 3 >= runs_until:
                raise Fenced("the lease could not be renewed in time") from away
        else:
            runs_until = loop.time() + lease_seconds
