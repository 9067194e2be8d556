"""The archive on a local disk."""

from __future__ import annotations

import asyncio
import errno
import heapq
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from storage.archive import NOTHING, PAGE
from storage.errors import ArchiveError, ArchiveForbidden, ArchiveMissing, ArchiveUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_TEMPORARY = ".voicememo-"
_STRAY_SECONDS = 3600.0
"""A temporary file older than this was left by a crash."""


class DiskArchive:
    """Keeps objects as files of one folder, each written whole or not at all.

    Args:
        folder: made when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str,  # noqa: ARG002 (a file has no type)
        about: Mapping[str, str] = NOTHING,  # noqa: ARG002 (below)
    ) -> str:
        """Keep `data`; give its path. Raises ArchiveUnavailable, ArchiveForbidden.

        What is known about it is left out: its name has the memo's id, and its own bytes tell the rest. A second file
        beside each would have to be written, moved and deleted with it, and would tell nobody anything new.
        """
        path = self._path(key)
        await asyncio.to_thread(self._write, path, data)
        return str(path)

    async def get(self, key: str) -> bytes:
        """Give what is kept. Raises ArchiveMissing, ArchiveUnavailable, ArchiveForbidden."""
        return await asyncio.to_thread(self._read, self._path(key))

    async def keys(self, *, prefix: str = "", after: str = "", limit: int = PAGE) -> Sequence[str]:
        """List names in their order; what is being written is none. Raises ArchiveUnavailable, ArchiveForbidden."""
        return await asyncio.to_thread(self._names, prefix, after, limit)

    async def delete(self, key: str) -> None:
        """Remove a file, so that a power loss does not bring it back. Raises ArchiveUnavailable, ArchiveForbidden."""
        await asyncio.to_thread(self._remove, self._path(key))

    async def check(self) -> None:
        """Write and remove a probe, and what crashes left behind. Raises ArchiveUnavailable, ArchiveForbidden."""
        await asyncio.to_thread(self._probe)

    async def warm(self) -> None:
        """Nothing to do beforehand."""

    async def close(self) -> None:
        """Nothing to let go of."""

    def _path(self, key: str) -> Path:
        if not key or key.startswith(".") or "/" in key or "\\" in key or "\0" in key:
            raise ValueError("archive keys are flat names")
        return self._folder / key

    def _write(self, path: Path, data: bytes) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix=_TEMPORARY, dir=self._folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                Path(temporary).replace(path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise _told(error) from error

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            raise ArchiveMissing(f"nothing is kept as {path.name}") from error
        except OSError as error:
            raise _told(error) from error

    def _names(self, prefix: str, after: str, limit: int) -> list[str]:
        try:
            with os.scandir(self._folder) as entries:
                # A name that is no UTF-8 is not ours; each page is read anew, and only its own names are held.
                names = (each.name for each in entries if each.is_file(follow_symlinks=False) and _is_text(each.name))
                wanted = (
                    name for name in names if name.startswith(prefix) and name > after and not name.startswith(".")
                )
                return heapq.nsmallest(limit, wanted)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _told(error) from error

    def _remove(self, path: Path) -> None:
        try:
            path.unlink()
            handle = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _told(error) from error

    def _probe(self) -> None:
        probe = self._folder / f"{_TEMPORARY}probe-{os.getpid()}"
        self._write(probe, b"")
        probe.unlink(missing_ok=True)
        for stray in self._folder.glob(f"{_TEMPORARY}*"):
            if stray.stat().st_mtime < time.time() - _STRAY_SECONDS:
                stray.unlink(missing_ok=True)


def _is_text(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _told(error: OSError) -> ArchiveError:
    reason = os.strerror(error.errno) if error.errno else "cannot be written"
    kind = ArchiveForbidden if error.errno in _FORBIDDEN else ArchiveUnavailable
    return kind(f"the archive folder: {reason}")
