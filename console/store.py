"""The worker's store, opened for a command."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from console.errors import exit_on_errors
from consumer.settings import load
from storage.errors import StoreNotReady
from storage.factory import make_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from consumer.settings import Settings
    from storage.factory import Store

T = TypeVar("T")

_LOOK_SECONDS = 0.1


def read_store(read: Callable[[Store], Awaitable[T]]) -> T:
    """Read what a command needs from the store of the environment. Exits on errors that an operator can act on."""

    async def run() -> T:
        async with open_store(load(os.environ, complete=False)) as store:
            return await read(store)

    with exit_on_errors():
        return asyncio.run(run())


@asynccontextmanager
async def open_store(settings: Settings, *, create: bool = False, wait_seconds: float = 0.0) -> AsyncIterator[Store]:
    """Open the store; only `create` makes its file. Raises StoreUnavailable, or StoreNotReady after a wait."""
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
