"""Spool: a folder of objects that wait for an archive, one file each."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from storage.archive import NO_METADATA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_OWED = ".owed"
_TEMPORARY = ".part"
_LOCK = ".lock"
_LOCK_PAUSE_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class SpoolSize:
    """Size of a spool, whichever process wrote it."""

    count: int
    bytes: int
    """Size on disk, headers included."""


class Damaged(Exception):
    """The file is not as we wrote it."""


@dataclass(frozen=True, slots=True, repr=False)
class SpooledObject:
    """A waiting object; its repr is empty (I6)."""

    key: str
    content_type: str
    data: bytes
    about: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stamp:
    """Identity of a file."""

    inode: int
    modified_ns: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Spool:
    """A file for each key: a line of JSON, then the data. Every method blocks and raises OSError.

    Processes lock the folder for changes, so a temporary file found under the lock was left by a crash.
    """

    folder: Path
    max_bytes: int
    clock: Callable[[], float]
    lock_seconds: float = 5.0
    """Longest wait for another process; a write takes far less."""

    def write(self, wanted: SpooledObject) -> None:
        """Write an object so that it survives a power loss; ENOSPC when the bound is reached."""
        fields = {"key": wanted.key, "content_type": wanted.content_type, "about": dict(wanted.about)}
        header = json.dumps(fields).encode() + b"\n"
        _make(self.folder)
        with self._locked():
            self._sweep()
            name, now_ns = file_name(wanted.key), int(self.clock() * 1e9)
            others = sum(stamp.size_bytes for each, stamp in self._stamps() if each != name)
            if others + len(header) + len(wanted.data) > self.max_bytes:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            handle, temporary = tempfile.mkstemp(suffix=_TEMPORARY, dir=self.folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(header)
                    file.write(wanted.data)
                    file.flush()
                    os.utime(temporary, ns=(now_ns, now_ns))
                    os.fsync(file.fileno())
                Path(temporary).replace(self.folder / name)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
            _sync(self.folder)

    def read(self, name: str) -> tuple[SpooledObject, Stamp] | None:
        """Read an object and its file's identity; None when there is no such file. Raises Damaged."""
        try:
            with (self.folder / name).open("rb") as file:
                stamp, header, data = _stamp(os.fstat(file.fileno())), file.readline(), file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            fields = json.loads(header)
            found = SpooledObject(fields["key"], fields["content_type"], data, fields.get("about", NO_METADATA))
            if file_name(found.key) == name:
                return found, stamp
        except (ValueError, LookupError, TypeError, AttributeError):
            pass  # its text would repeat what the file holds
        raise Damaged("a file of ARCHIVE_SPOOL is not as we wrote it")

    def stamp(self, name: str) -> Stamp | None:
        """Return a file's identity; None when it cannot be read."""
        try:
            return _stamp((self.folder / name).stat())
        except OSError:
            return None

    def remove(self, name: str, stamp: Stamp) -> None:
        """Remove that very file, not a later one of its name."""
        with self._locked():
            if self.stamp(name) == stamp:
                (self.folder / name).unlink()
                _sync(self.folder)

    def names(self) -> list[str]:
        """List files, oldest first."""
        if not self.folder.exists():
            return []
        with self._locked():
            self._sweep()
            return [name for name, _ in sorted(self._stamps(), key=lambda each: (each[1].modified_ns, each[0]))]

    def keys(self) -> list[str]:
        return [key for name in self.names() if (key := self._key(name)) is not None]

    def total(self) -> SpoolSize:
        sizes = [stamp.size_bytes for _, stamp in self._stamps()] if self.folder.exists() else []
        return SpoolSize(len(sizes), sum(sizes))

    def _key(self, name: str) -> str | None:
        try:
            with (self.folder / name).open("rb") as file:
                key = json.loads(file.readline())["key"]
        except (FileNotFoundError, ValueError, LookupError, TypeError):
            return None
        return key if isinstance(key, str) else None

    def _stamps(self) -> list[tuple[str, Stamp]]:
        stamps = []
        for path in self.folder.iterdir():
            if path.suffix == _OWED:
                with suppress(FileNotFoundError):  # uploaded meanwhile
                    stamps.append((path.name, _stamp(path.stat())))
        return stamps

    def _sweep(self) -> None:
        for stray in self.folder.glob(f"*{_TEMPORARY}"):
            stray.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # A holder that takes longer than any write was stopped: it must not cost us our threads.
        with (self.folder / _LOCK).open("ab") as file:
            end = time.monotonic() + self.lock_seconds
            while not _try_lock(file):
                if time.monotonic() > end:
                    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
                time.sleep(_LOCK_PAUSE_SECONDS)
            yield


def _try_lock(file: IO[bytes]) -> bool:
    # Closing the file, even by a crash, unlocks it.
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def file_name(key: str) -> str:
    """Return the file name of a key: a digest, for keys may be long, odd or personal."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest() + _OWED


def _stamp(stat: os.stat_result) -> Stamp:
    return Stamp(stat.st_ino, stat.st_mtime_ns, stat.st_size)


def _make(folder: Path) -> None:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in missing:
        _sync(each.parent)


def _sync(folder: Path) -> None:
    """Make the names in a folder survive a power loss."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
