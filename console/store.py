"""The worker's store, opened for one command."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from storage.errors import StoreNotReady
from storage.factory import make_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.settings import Settings
    from storage.factory import Store

_LOOK_SECONDS = 0.1


@asynccontextmanager
async def open_store(settings: Settings, *, create: bool = False, wait_seconds: float = 0.0) -> AsyncIterator[Store]:
    """Open the store, and close it after the block. Raises StoreUnavailable, or StoreNotReady after a wait.

    A file that is not there is made only with `create`: its name may be mistyped.
    """
    store = make_store(settings.store, create=create)
    try:
        await _open(store, wait_seconds)
        yield store
    finally:
        await store.close()


async def _open(store: Store, wait_seconds: float) -> None:
    last_look = time.monotonic() + wait_seconds
    while time.monotonic() < last_look:
        with suppress(StoreNotReady):
            return await store.open()
        await asyncio.sleep(_LOOK_SECONDS)
    return await store.open()
