"""Pending uploads: objects that an archive refused, spooled and retried until it takes them (I5)."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from runtime.backoff import Backoff
from storage.archive import KEYS_PER_PAGE, NO_METADATA, Archive
from storage.archives.spool import Damaged, Spool, SpooledObject, file_name
from storage.errors import ArchiveError, ArchiveMissing, ArchiveUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from storage.archives.spool import SpoolSize, Stamp

_FIRST_SECONDS, _LONGEST_SECONDS = 2.0, 60.0

log = logging.getLogger(__name__)


class RetryingArchive(Archive):
    """An archive that spools the uploads that the inner one refuses; processes may share the spool.

    Args:
        archive: the inner one.
        folder: of the spool, on a local disk.
        max_bytes: bound of the spool, headers included.
        timeout_seconds: of an upload.
        clock: seconds since the epoch.
        jitter: from 0 to 1.
    """

    def __init__(
        self,
        archive: Archive,
        folder: Path,
        *,
        max_bytes: int,
        timeout_seconds: float = 4.0,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,  # noqa: S311 (it spreads retries, and guards nothing)
    ) -> None:
        self._archive = archive
        self._timeout_seconds = timeout_seconds
        self._spool = Spool(folder, max_bytes, clock)
        self._backoff = Backoff(_FIRST_SECONDS, _LONGEST_SECONDS, random=jitter)
        self._spooled_new = asyncio.Event()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def put(self, key: str, data: bytes, *, content_type: str, about: Mapping[str, str] = NO_METADATA) -> str:
        """Upload or spool an object; return its place, or `owed:` and the key. Raises ArchiveError if both fail."""
        name = file_name(key)
        async with self._lock(name):
            older = await asyncio.to_thread(self._spool.stamp, name)
            wanted = SpooledObject(key, content_type, data, about)
            try:
                where = await self._put(wanted)
            except ArchiveError as refusal:
                if not await self._spool_upload(wanted, refusal):
                    raise
                return f"owed:{key}"
            # An older copy must not overwrite this one later.
            if older is not None:
                await self._unspool(name, older)
            return where

    async def _put(self, wanted: SpooledObject) -> str:
        scope = asyncio.timeout(self._timeout_seconds)
        try:
            async with scope:
                return await self._upload(wanted)
        except TimeoutError as late:
            if scope.expired():
                raise ArchiveUnavailable("no answer in time") from late
            raise

    async def _upload(self, wanted: SpooledObject) -> str:
        return await self._archive.put(wanted.key, wanted.data, content_type=wanted.content_type, about=wanted.about)

    async def get(self, key: str) -> bytes:
        # A spooled copy is newer; looking for it first also finds one that is just being uploaded.
        spooled = await self._read(file_name(key))
        if spooled is not None:
            return spooled.data
        try:
            return await self._archive.get(key)
        except (ArchiveMissing, ArchiveUnavailable):
            spooled = await self._read(file_name(key))  # it may have been spooled in the meantime
            if spooled is None:
                raise
            return spooled.data

    async def keys(self, *, prefix: str = "", after: str = "", limit: int = KEYS_PER_PAGE) -> Sequence[str]:
        with _spool_errors():
            spooled = await asyncio.to_thread(self._spool.keys)
        kept = await self._archive.keys(prefix=prefix, after=after, limit=limit)
        wanted = (key for key in spooled if key.startswith(prefix) and key > after)
        return sorted({*kept, *wanted})[:limit]

    async def delete(self, key: str) -> None:
        # An object that another process is just uploading is listed again afterwards.
        name = file_name(key)
        async with self._lock(name):
            with _spool_errors():
                stamp = await asyncio.to_thread(self._spool.stamp, name)
                if stamp is not None:
                    await asyncio.to_thread(self._spool.remove, name, stamp)
            await self._archive.delete(key)

    async def check(self) -> None:
        """Check the inner archive; being able to spool is not enough."""
        await self._archive.check()

    async def warm(self) -> None:
        """Warm the inner archive up; a failure is only logged."""
        try:
            await self._archive.warm()
        except ArchiveError as error:
            log.info("archive.cold", extra={"error": type(error).__name__})

    async def close(self) -> None:
        await self._archive.close()

    async def pending(self) -> SpoolSize:
        """Return the size of what is pending. Raises ArchiveUnavailable."""
        with _spool_errors():
            return await asyncio.to_thread(self._spool.total)

    async def retry(self) -> int:
        """Upload everything pending once, oldest first, until the archive is away; return how many it took."""
        return (await self._retry_all())[0]

    async def keep_retrying(self) -> None:
        """Upload until cancelled: each minute and when something was spooled; after a failure with back-off."""
        failures = 0
        while True:
            self._spooled_new.clear()
            taken, all_taken = await self._retry_all()
            if all_taken:
                failures = 0
                with suppress(TimeoutError):  # what other processes spooled is only seen by looking
                    await asyncio.wait_for(self._spooled_new.wait(), _LONGEST_SECONDS)
            else:
                failures = 0 if taken else failures
                await asyncio.sleep(self._backoff.delay_seconds(failures))
                failures += 1

    async def _retry_all(self) -> tuple[int, bool]:
        """Return how many were taken, and whether none is left."""
        results: list[bool | None] = []
        try:
            for name in await asyncio.to_thread(self._spool.names):
                results.append(await self._retry(name))  # noqa: PERF401 (what came before a failure counts)
        except (OSError, ArchiveUnavailable) as error:
            log.warning("archive.away", extra={"error": type(error).__name__})
            results.append(False)
        if taken := results.count(True):
            log.info("archive.paid", extra={"count": taken})
        return taken, False not in results

    async def _retry(self, name: str) -> bool | None:
        """Return whether an object was taken; None when it is gone."""
        async with self._lock(name):
            try:
                found = await asyncio.to_thread(self._spool.read, name)
                if found is None:
                    return None
                spooled, stamp = found
                await self._upload(spooled)
            except ArchiveUnavailable:
                raise
            except ArchiveError as refusal:
                log.warning("archive.refused", extra={"error": type(refusal).__name__})
                return False
            except (Damaged, OSError) as unreadable:  # it must not hold up the others
                log.error("archive.owed_broke", extra={"error": type(unreadable).__name__})  # noqa: TRY400 (I6)
                return False
            return await self._unspool(name, stamp)

    async def _spool_upload(self, wanted: SpooledObject, refusal: ArchiveError) -> bool:
        try:
            await asyncio.to_thread(self._spool.write, wanted)
        except OSError as error:
            log.warning("archive.not_owed", extra={"error": type(refusal).__name__, "reason": _reason(error)})
            return False
        log.warning("archive.owed", extra={"error": type(refusal).__name__})
        self._spooled_new.set()
        return True

    async def _read(self, name: str) -> SpooledObject | None:
        try:
            found = await asyncio.to_thread(self._spool.read, name)
        except (OSError, Damaged) as error:
            log.warning("archive.owed_unreadable", extra={"error": type(error).__name__})
            return None
        return found[0] if found else None

    async def _unspool(self, name: str, stamp: Stamp) -> bool:
        try:
            await asyncio.to_thread(self._spool.remove, name, stamp)
        except OSError as error:
            log.warning("archive.still_owed", extra={"reason": _reason(error)})
            return False
        return True

    def _lock(self, name: str) -> asyncio.Lock:
        """Return a key's lock: of two puts, or a put and a retry, the later must end later."""
        return self._locks.setdefault(name, asyncio.Lock())


@contextmanager
def _spool_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArchiveUnavailable(f"the folder ARCHIVE_SPOOL: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else type(error).__name__
