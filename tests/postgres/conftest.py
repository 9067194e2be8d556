from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from storage.supabase.store import SupabaseStore
from tests.postgres.database import empty
from tests.postgres.postgrest import SERVICE_KEY, PostgRest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from storage.supabase.ledger import SupabaseLedger
    from tests.postgres.server import PostgresServer


@pytest_asyncio.fixture
async def rest(postgres: PostgresServer, database: str) -> AsyncIterator[PostgRest]:
    """The stand-in, over an empty database whose clock is the server's own."""
    await empty(postgres, database)
    async with PostgRest(postgres, database) as rest:
        yield rest


@pytest_asyncio.fixture
async def store(rest: PostgRest) -> AsyncIterator[SupabaseStore]:
    """A worker's store."""
    store = SupabaseStore(rest.url, SERVICE_KEY)
    await store.open()
    yield store
    await store.close()


@pytest_asyncio.fixture
async def ledger(store: SupabaseStore) -> SupabaseLedger:
    """Its ledger."""
    return store.ledger
