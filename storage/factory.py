"""Factories of store and archive."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from runtime.garbage import import_without_gc
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
    """Everything kept but the archive."""

    @property
    def history(self) -> History:
        """Turns by chat."""

    @property
    def ledger(self) -> Ledger:
        """A row per memo."""

    @property
    def purging(self) -> Purging:
        """Deletion from both."""

    async def open(self) -> None:
        """Open it. Raises StoreUnavailable, or StoreNotReady when an operator has to act."""

    async def check(self) -> None:
        """Raise StoreUnavailable if it cannot be used."""

    async def close(self) -> None:
        """Close files and connections."""


def make_store(settings: StoreSettings, *, create: bool = False) -> Store:
    """Make the store, unopened; slow for Supabase, whose client is imported here.

    Args:
        settings: of the store.
        create: make a missing file, as a worker does; else it is an error, since its name may be mistyped.

    Raises:
        ConfigurationError: SUPABASE_URL or SUPABASE_KEY is missing.
    """
    if isinstance(settings.url, SqliteFile):
        return SqliteStore(settings.url.path, create=create)
    url, key = required(settings.supabase.url, "SUPABASE_URL"), required(settings.supabase.key, "SUPABASE_KEY")
    store: Store = import_without_gc("storage.supabase.store").SupabaseStore(url, key.get_secret_value())
    return store


async def exposed(settings: SupabaseSettings) -> list[str]:
    """List our tables and functions that the public key opens. Raises StoreUnavailable."""
    url, key = required(settings.url, "SUPABASE_URL"), required(settings.anon_key, "SUPABASE_ANON_KEY")
    module = await asyncio.to_thread(import_without_gc, "storage.supabase.store")
    names: list[str] = await module.exposed(url, key.get_secret_value())
    return names


def make_archive(settings: ArchiveSettings) -> Archive:
    """Make the archive that ARCHIVE_URL names."""
    url, sse = settings.url, settings.sse
    if isinstance(url, FileArchive):
        return DiskArchive(url.directory)
    s3 = import_without_gc("storage.archives.s3")  # boto3 takes 8 MB of memory
    encryption = s3.Encryption(sse.algorithm, sse.key) if sse.algorithm else None
    archive: Archive = s3.S3Archive(url.bucket, prefix=url.prefix, encryption=encryption)
    return archive


def make_retrying_archive(settings: ArchiveSettings) -> RetryingArchive:
    """Make the archive that ARCHIVE_URL names, with its spool."""
    return RetryingArchive(make_archive(settings), settings.spool, max_bytes=settings.spool_bytes)
