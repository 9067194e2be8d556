"""History and ledger in one SQLite file (WAL): the embedded default, shared by the processes of one machine.

Each operation is one function run whole in the store's own thread, inside one BEGIN IMMEDIATE transaction; a caller
that is cancelled does not cut it in half. `synchronous=FULL`: after a power loss the ledger still knows what was being
sent.
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
from storage.sqlite_history import SqliteHistory
from storage.sqlite_ledger import SqliteLedger
from storage.sqlite_purging import SqlitePurging

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_BUSY_SECONDS = 5.0
"""How long to wait for another process's transaction, in seconds."""
_BUSY_PAUSE_SECONDS = 0.02
_NO_DATABASE = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
_PRIMARY_CODE = 0xFF
"""The bits of an extended result code that tell its kind (sqlite.org/rescode.html)."""


class SqliteStore:
    """One file.

    Args:
        path: of the file; its folder is made when it is not there.
        clock: the store's own clock, in seconds since the epoch.
        create: make the file when it is not there; without, that is StoreNotReady.
    """

    def __init__(self, path: Path | str, *, clock: Callable[[], float] = time.time, create: bool = True) -> None:
        self._path = path
        self._clock = clock
        self._create = create
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")
        self._connection: sqlite3.Connection | None = None
        self.history = SqliteHistory(self)
        self.ledger = SqliteLedger(self)
        self.purging = SqlitePurging(self)

    async def open(self) -> None:
        """Open the file and bring its schema up to date.

        Raises:
            StoreNotReady: it is no database, or it is not there and must not be made.
            StoreUnavailable: it cannot be had now.
        """
        await self._in_thread(self._open)

    async def check(self) -> None:
        """See that the file can be used. Raises StoreUnavailable."""
        await self.transact(lambda connection: connection.execute("SELECT 1").fetchone())

    async def close(self) -> None:
        """Close the file, and end the thread."""
        await self._in_thread(self._close)
        self._thread.shutdown()

    @property
    def _place(self) -> Path:
        return Path(self._path).absolute()

    def now(self) -> float:
        """Tell the time by the store's own clock."""
        return self._clock()

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one transaction. Raises what it raises, and StoreUnavailable when the file cannot be had."""
        return await self._in_thread(lambda: self._transact(work))

    async def rewrite(self) -> bool:
        """Write the file anew, without what was deleted, and empty its journal; others wait meanwhile.

        Gives:
            False where another process reads just then, and the journal could not be emptied.

        Raises:
            StoreUnavailable: another process writes, or the disk has no room for a second copy.
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
            raise StoreUnavailable(f"SQLite: no file can be made there: {error.strerror}") from error

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            raise RuntimeError("the store is not open")
        connection = self._connection
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
            self._persist(self._prepare)
        except sqlite3.Error:
            self._close()
            raise

    def _persist(self, work: Callable[[], None]) -> None:
        """Try for as long as the file may be busy: changing its journal's mode does not wait as transactions do."""
        end = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                return work()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
                time.sleep(_BUSY_PAUSE_SECONDS)

    def _prepare(self) -> None:
        if self._connection is None:
            raise RuntimeError("the store is not open")
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._transact(_migrate)

    def _rewrite(self) -> bool:
        if self._connection is None:
            raise RuntimeError("the store is not open")
        self._connection.execute("VACUUM")
        (busy, *_) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _is_no_database(error: sqlite3.DatabaseError) -> bool:
    """Tell whether the file itself is the matter; errors that Python's module makes up have no code."""
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE in _NO_DATABASE


def _migrate(connection: sqlite3.Connection) -> None:
    """Apply the migrations that the file has not seen, in order, within the caller's transaction."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number, script in enumerate(_migrations(), start=1):
        if number > version:
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={number}")


def _migrations() -> list[str]:
    folder = resources.files("storage") / "schema" / "sqlite"
    return [each.read_text() for each in sorted(folder.iterdir(), key=lambda each: each.name)]


def _statements(script: str) -> list[str]:
    """Cut a script into statements, as executescript() would, which commits first and so cannot be used here."""
    statements, pending = [], ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending)
            pending = ""
    return statements
