"""Archive on a local disk."""

from __future__ import annotations

import asyncio
import errno
import heapq
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from storage.archive import KEYS_PER_PAGE, NO_METADATA, Archive
from storage.errors import ArchiveForbidden, ArchiveMissing, ArchiveUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

P = ParamSpec("P")
T = TypeVar("T")

_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_TEMPORARY = ".voicememo-"
_STRAY_SECONDS = 3600.0
"""A temporary file older than this was left by a crash."""


class DiskArchive(Archive):
    """`Archive` as files of one folder, which is created when missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, key: str, data: bytes, *, content_type: str, about: Mapping[str, str] = NO_METADATA) -> str:  # noqa: ARG002 (below)
        """Write a file; `content_type` and `about` are dropped, since its name and bytes hold the same."""
        path = self._path(key)
        await _in_thread(self._write, path, data)
        return str(path)

    async def get(self, key: str) -> bytes:
        return await _in_thread(self._read, self._path(key))

    async def keys(self, *, prefix: str = "", after: str = "", limit: int = KEYS_PER_PAGE) -> Sequence[str]:
        """List names in order, without files that are being written."""
        return await _in_thread(self._names, prefix, after, limit)

    async def delete(self, key: str) -> None:
        await _in_thread(self._remove, self._path(key))

    async def check(self) -> None:
        await _in_thread(self._probe)

    async def warm(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    def _path(self, key: str) -> Path:
        if not key or key.startswith(".") or "/" in key or "\\" in key or "\0" in key:
            raise ValueError("archive keys are flat names")
        return self._folder / key

    def _write(self, path: Path, data: bytes) -> None:
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

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            raise ArchiveMissing(f"nothing is kept as {path.name}") from error

    def _names(self, prefix: str, after: str, limit: int) -> list[str]:
        try:
            entries = os.scandir(self._folder)
        except FileNotFoundError:
            return []
        with entries:
            # A name that is not UTF-8 is foreign; each page is read again, and only its own names are held.
            names = (each.name for each in entries if each.is_file(follow_symlinks=False) and _is_text(each.name))
            wanted = (name for name in names if name.startswith(prefix) and name > after and not name.startswith("."))
            return heapq.nsmallest(limit, wanted)

    def _remove(self, path: Path) -> None:
        try:
            path.unlink()
            handle = os.open(self._folder, os.O_RDONLY)
        except FileNotFoundError:
            return
        try:
            os.fsync(handle)  # a power loss must not bring the file back
        finally:
            os.close(handle)

    def _probe(self) -> None:
        probe = self._folder / f"{_TEMPORARY}probe-{os.getpid()}"
        self._write(probe, b"")
        probe.unlink(missing_ok=True)
        for stray in self._folder.glob(f"{_TEMPORARY}*"):
            if stray.stat().st_mtime < time.time() - _STRAY_SECONDS:
                stray.unlink(missing_ok=True)


def _is_text(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)


async def _in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "cannot be written"
        kind = ArchiveForbidden if error.errno in _FORBIDDEN else ArchiveUnavailable
        raise kind(f"the archive folder: {reason}") from error
