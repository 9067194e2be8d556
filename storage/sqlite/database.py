"""SQLite file (WAL), shared by the processes of a machine.

Work runs in a thread, in BEGIN IMMEDIATE transactions that a cancelled caller does not cut short.
`synchronous=FULL`: after a power loss the ledger still knows what was being sent.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from storage.errors import StoreNotReady, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_BUSY_SECONDS = 5.0
"""Longest wait for another process."""
_BUSY_PAUSE_SECONDS = 0.02
_NO_DATABASE = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
_PRIMARY_CODE = 0xFF
"""The bits of an extended result code that hold its kind (sqlite.org/rescode.html)."""


class Database:
    """The file, its thread and its migrations."""

    def __init__(self, path: Path | str, clock: Callable[[], float], *, create: bool) -> None:
        self._path = path
        self._create = create
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")
        self._connection: sqlite3.Connection | None = None
        self.now = clock

    async def open(self) -> None:
        """Open the file and apply missing migrations. Raises StoreNotReady, StoreUnavailable."""
        await self._in_thread(self._open)

    async def close(self) -> None:
        await self._in_thread(self._close)
        self._thread.shutdown()

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one transaction. Raises StoreUnavailable, and what `work` raises."""
        return await self._in_thread(lambda: self._transact(work))

    async def rewrite(self) -> bool:
        """Rewrite the file without deleted rows; False when a reader keeps the journal from being emptied.

        Raises StoreUnavailable when another process writes, or the disk has no room for a second copy.
        """
        return await self._in_thread(self._rewrite)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(f"SQLite: {error.sqlite_errorname}") from error
        except sqlite3.DatabaseError as error:
            if not _is_no_database(error):
                raise
            raise StoreNotReady(f"SQLite: {self._place} is no database, or is damaged") from error
        except OSError as error:
            raise StoreUnavailable(f"SQLite: the file cannot be created: {error.strerror}") from error

    @property
    def _place(self) -> Path:
        return Path(self._path).absolute()

    @property
    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RuntimeError("the store is not open")
        return self._connection

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._opened
        connection.execute("BEGIN IMMEDIATE")
        try:
            answer = work(connection)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return answer

    def _open(self) -> None:
        if str(self._path) != ":memory:":
            if not self._create and not self._place.exists():
                raise StoreNotReady(f"SQLite: there is no file {self._place}")
            self._place.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=True
        )
        self._connection.row_factory = sqlite3.Row
        try:
            self._prepare()
        except sqlite3.Error:
            self._close()
            raise

    def _prepare(self) -> None:
        # Changing the journal's mode does not wait for other processes, as transactions do.
        end = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
                    self._opened.execute(f"PRAGMA {pragma}")
                return self._transact(_migrate)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
                time.sleep(_BUSY_PAUSE_SECONDS)

    def _rewrite(self) -> bool:
        self._opened.execute("VACUUM")
        (busy, *_) = self._opened.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _is_no_database(error: sqlite3.DatabaseError) -> bool:
    # Errors that Python's own module raises have no code.
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE in _NO_DATABASE


def _migrate(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    folder = resources.files("storage") / "schema" / "sqlite"
    scripts = sorted(folder.iterdir(), key=lambda each: each.name)
    for number, script in enumerate(scripts[version:], start=version + 1):
        for statement in _statements(script.read_text()):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={number}")


def _statements(script: str) -> list[str]:
    """Split a script; executescript() cannot be used, for it commits first."""
    statements, pending = [], ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending)
            pending = ""
    return statements
