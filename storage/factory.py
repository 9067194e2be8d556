"""Factories of store and archive."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from runtime.garbage import import_uncollected
from runtime.settings.faults import required
from storage.archives.disk import DiskArchive
from storage.archives.retrying import RetryingArchive
from storage.settings import FileArchive, SqliteFile
from storage.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from storage.archive import Archive
    from storage.history import History
    from storage.ledger import Ledger
    from storage.purging import Purging
    from storage.settings import ArchiveSettings, StoreSettings, SupabaseSettings


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
        """Deletion from both."""
        ...

    async def open(self) -> None:
        """Open it. Raises StoreUnavailable, or StoreNotReady where an operator has to act."""
        ...

    async def check(self) -> None:
        """Raise StoreUnavailable if it cannot be used."""
        ...

    async def close(self) -> None:
        """Close files and connections."""
        ...


def make_store(settings: StoreSettings, *, create: bool = False) -> Store:
    """Make the store; opens nothing yet. Slow for Supabase, whose client is imported here.

    Args:
        settings: where it is.
        create: whether a missing file is made, as a worker does; otherwise it is an error, since its name may be
            mistyped.

    Raises:
        ConfigurationError: SUPABASE_URL or SUPABASE_KEY is missing.
    """
    if isinstance(settings.url, SqliteFile):
        return SqliteStore(settings.url.path, create=create)
    url, key = required(settings.supabase.url, "SUPABASE_URL"), required(settings.supabase.key, "SUPABASE_KEY")
    store: Store = import_uncollected("storage.supabase.store").SupabaseStore(url, key.get_secret_value())
    return store


async def exposed(settings: SupabaseSettings) -> list[str]:
    """List what the project's public key opens of ours. Raises StoreUnavailable."""
    url, key = required(settings.url, "SUPABASE_URL"), required(settings.anon_key, "SUPABASE_ANON_KEY")
    module = await asyncio.to_thread(import_uncollected, "storage.supabase.store")
    names: list[str] = await module.exposed(url, key.get_secret_value())
    return names


def make_archive(settings: ArchiveSettings) -> Archive:
    """Make the archive that ARCHIVE_URL names."""
    match settings.url:
        case FileArchive(directory):
            return DiskArchive(directory)
        case url:
            # boto3 takes 8 MB of memory, so it is imported only where it is used.
            s3, sse = import_uncollected("storage.archives.s3"), settings.sse
            encryption = s3.Encryption(sse.algorithm, sse.key) if sse.algorithm else None
            archive: Archive = s3.S3Archive(url.bucket, prefix=url.prefix, encryption=encryption)
            return archive


def make_retrying_archive(settings: ArchiveSettings) -> RetryingArchive:
    """Make the archive, with the spool of what it could not take yet."""
    return RetryingArchive(make_archive(settings), settings.spool, max_bytes=settings.spool_bytes)
