"""Spool: a folder in which objects wait, each in one file, until another place has taken them."""

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

from storage.archive import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_OWED = ".owed"
_TEMPORARY = ".part"
_LOCK = ".lock"
_LOCK_PAUSE_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Owed:
    """What waits for the archive, of all processes that share the folder."""

    count: int
    bytes: int
    """On disk, headers included."""


class Damaged(Exception):
    """A file is not one that we wrote."""


@dataclass(frozen=True, slots=True, repr=False)
class Spooled:
    """An object that waits; its repr tells nothing of it."""

    key: str
    content_type: str
    data: bytes
    about: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stamp:
    """Tells a file from the one that takes its name later."""

    inode: int
    modified_ns: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Found:
    """An object, and the very file that it was read from."""

    object: Spooled
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Spool:
    """The folder: one file for each key, a line of JSON and then the data. Every method works on the disk: in threads.

    Whoever changes the folder holds a lock among all processes, and among the threads of this one. So the bound is
    kept, and a temporary file that the holder comes upon belongs to nobody who lives.
    """

    folder: Path
    max_bytes: int
    clock: Callable[[], float]
    lock_seconds: float = 5.0
    """How long another process may hold the lock; writing an object takes far less."""

    def write(self, wanted: Spooled) -> None:
        """Keep an object so that it survives a power loss. Raises OSError, ENOSPC also when the bound is reached."""
        header = _header(wanted)
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

    def read(self, name: str) -> Found | None:
        """Give what is owed; None when nothing is under that name. Raises OSError, Damaged."""
        try:
            with (self.folder / name).open("rb") as file:
                stamp, header, data = _stamp(os.fstat(file.fileno())), file.readline(), file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            told = json.loads(header)
            found = Spooled(told["key"], told["content_type"], data, told.get("about", NOTHING))
            if file_name(found.key) == name:
                return Found(found, stamp)
        except (ValueError, LookupError, TypeError, AttributeError):
            pass  # its text would repeat what the file holds
        raise Damaged("a file of what is owed is not as we wrote it")

    def stamp(self, name: str) -> Stamp | None:
        """Say which file has that name now; None when there is none, or the folder cannot be had."""
        try:
            return _stamp((self.folder / name).stat())
        except OSError:
            return None

    def remove(self, name: str, stamp: Stamp) -> None:
        """Remove that very file, not one that another process has put in its place. Raises OSError."""
        with self._locked():
            if self.stamp(name) == stamp:
                (self.folder / name).unlink()
                _sync(self.folder)

    def names(self) -> list[str]:
        """List what is owed, oldest first, and clear what dead processes left behind. Raises OSError."""
        if not self.folder.exists():
            return []
        with self._locked():
            self._sweep()
            return [name for name, _ in sorted(self._stamps(), key=lambda each: (each[1].modified_ns, each[0]))]

    def keys(self) -> list[str]:
        """List the keys of what is owed; a file that cannot be read has none. Raises OSError."""
        found = (self._key(name) for name in self.names())
        return [key for key in found if key is not None]

    def total(self) -> Owed:
        """Count what is owed. Raises OSError."""
        sizes = [stamp.size_bytes for _, stamp in self._stamps()] if self.folder.exists() else []
        return Owed(len(sizes), sum(sizes))

    def _key(self, name: str) -> str | None:
        """Read no more of a file than its header."""
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
                with suppress(FileNotFoundError):  # paid meanwhile
                    stamps.append((path.name, _stamp(path.stat())))
        return stamps

    def _sweep(self) -> None:
        for stray in self.folder.glob(f"*{_TEMPORARY}"):
            stray.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock. Who held it for longer than any write takes was stopped: it must not cost us our threads."""
        with (self.folder / _LOCK).open("ab") as file:
            end = time.monotonic() + self.lock_seconds
            while not _try_lock(file):
                if time.monotonic() > end:
                    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
                time.sleep(_LOCK_PAUSE_SECONDS)
            yield


def _try_lock(file: IO[bytes]) -> bool:
    """Lock it, if nobody has; it is given back when the file is closed, even by a crash."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _header(wanted: Spooled) -> bytes:
    told = {"key": wanted.key, "content_type": wanted.content_type, "about": dict(wanted.about)}
    return json.dumps(told).encode() + b"\n"


def file_name(key: str) -> str:
    """Name a key's file: any key is told so, however long or odd, and none is revealed."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest() + _OWED


def _stamp(stat: os.stat_result) -> Stamp:
    return Stamp(stat.st_ino, stat.st_mtime_ns, stat.st_size)


def _make(folder: Path) -> None:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in missing:
        _sync(each.parent)


def _sync(folder: Path) -> None:
    """Have the names in a folder survive a power loss."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
