"""History in SQLite."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from storage.history import Turn

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from storage.sqlite import SqliteStore


class SqliteHistory:
    """Turns as rows of the store's file."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def recent(self, chat_id: str, *, limit: int) -> Sequence[Turn]:
        """Give the last `limit` turns, oldest first. Raises StoreUnavailable."""

        def read(connection: sqlite3.Connection) -> list[Turn]:
            rows = connection.execute(
                "SELECT role, text, language, at FROM turns WHERE chat_id = ? ORDER BY sequence DESC LIMIT ?",
                (chat_id, limit),
            ).fetchall()
            return [
                Turn(row["role"], row["text"], row["language"], datetime.fromisoformat(row["at"]))
                for row in reversed(rows)
            ]

        return await self._store.transact(read)

    async def append(self, chat_id: str, message_id: str, turns: Sequence[Turn]) -> None:
        """Add the turns of one memo; a turn that is there already stays as it is. Raises StoreUnavailable."""

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT INTO turns (chat_id, message_id, role, text, language, at) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                [(chat_id, message_id, turn.role, turn.text, turn.language, turn.at.isoformat()) for turn in turns],
            )

        await self._store.transact(write)
