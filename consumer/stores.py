"""The store that STORE_URL names: history and ledger."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from consumer.importing import imported
from consumer.settings import required
from consumer.variables import SqliteStore as SqliteFile
from storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from consumer.settings import Settings
    from storage.history import History
    from storage.ledger import Ledger
    from storage.purging import Purging


class Store(Protocol):
    """History and ledger, kept together."""

    @property
    def history(self) -> History:
        """What was said."""
        ...

    @property
    def ledger(self) -> Ledger:
        """What became of each memo."""
        ...

    @property
    def purging(self) -> Purging:
        """How both let go of what they keep."""
        ...

    async def open(self) -> None:
        """Get ready. Raises StoreUnavailable, and StoreNotReady where an operator has to act."""
        ...

    async def check(self) -> None:
        """See that it can be used. Raises StoreUnavailable."""
        ...

    async def close(self) -> None:
        """Let go of files and connections."""
        ...


def make_store(settings: Settings, *, create: bool = False) -> Store:
    """Make the store; opens nothing yet. Slow for Supabase, whose client is loaded for those who use it.

    Args:
        settings: name it.
        create: for a worker: a file that is not there is made. Whoever looks, forgets or answers anew must not believe
            an empty one, for its name may be mistyped: they are told that it is not there.

    Raises:
        ConfigurationError: SUPABASE_URL or SUPABASE_KEY is missing.
    """
    if isinstance(settings.store_url, SqliteFile):
        return SqliteStore(settings.store_url.path, create=create)
    url, key = required(settings.supabase_url, "SUPABASE_URL"), required(settings.supabase_key, "SUPABASE_KEY")
    store: Store = imported("storage.supabase").SupabaseStore(url, key.get_secret_value())
    return store


async def exposed(settings: Settings) -> list[str]:
    """Name what the public key of the Supabase project opens, of what is ours. Raises StoreUnavailable."""
    url, key = (
        required(settings.supabase_url, "SUPABASE_URL"),
        required(settings.supabase_anon_key, "SUPABASE_ANON_KEY"),
    )
    module = await asyncio.to_thread(imported, "storage.supabase")
    names: list[str] = await module.exposed(url, key.get_secret_value())
    return names
