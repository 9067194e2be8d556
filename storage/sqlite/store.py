"""Default store: history and ledger in one SQLite file."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from storage.sqlite.database import Database
from storage.sqlite.history import SqliteHistory
from storage.sqlite.ledger import SqliteLedger
from storage.sqlite.purging import SqlitePurging

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class SqliteStore:
    """A `Store` in one file.

    Args:
        path: of the file; its folder is created when missing.
        clock: seconds since the epoch.
        create: create a missing file; else that is StoreNotReady.
    """

    def __init__(self, path: Path | str, *, clock: Callable[[], float] = time.time, create: bool = True) -> None:
        self.database = Database(path, clock, create=create)
        self.history = SqliteHistory(self.database)
        self.ledger = SqliteLedger(self.database)
        self.purging = SqlitePurging(self.database)

    async def open(self) -> None:
        await self.database.open()

    async def check(self) -> None:
        await self.database.transact(lambda connection: connection.execute("SELECT 1").fetchone())

    async def close(self) -> None:
        await self.database.close()
