"""Stores over the stand-in, each beginning with an empty database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from storage.supabase.store import SupabaseStore
from tests.postgres.database import empty
from tests.postgres.postgrest import SERVICE_KEY, PostgRest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.postgres.server import PostgresServer


@asynccontextmanager
async def supabase_store(
    server: PostgresServer, database: str, *, clock: Callable[[], float] | None = None
) -> AsyncIterator[SupabaseStore]:
    """Open a store for a block."""
    await empty(server, database)
    async with PostgRest(server, database, clock=clock) as rest:
        store = SupabaseStore(rest.url, SERVICE_KEY)
        await store.open()
        try:
            yield store
        finally:
            await store.close()
