"""History in SQLite."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from storage.history import PastTurn
from storage.sqlite.rows import SqliteRows, transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.sqlite.database import Database

_RECENT = "SELECT role, text, language, at FROM turns WHERE chat_id = ? ORDER BY sequence DESC LIMIT ?"
_APPEND = """
INSERT INTO turns (chat_id, message_id, role, text, language, at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""


class SqliteHistory:
    """`History` as rows of the file."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @transaction
    def recent(self, rows: SqliteRows, chat_id: str, *, limit: int) -> Sequence[PastTurn]:
        """Return the last turns."""
        found = rows.connection.execute(_RECENT, (chat_id, limit)).fetchall()
        return [
            PastTurn(role, text, language, datetime.fromisoformat(at)) for role, text, language, at in reversed(found)
        ]

    @transaction
    def append(self, rows: SqliteRows, chat_id: str, message_id: str, turns: Sequence[PastTurn]) -> None:
        """Add new turns."""
        columns = [(chat_id, message_id, turn.role, turn.text, turn.language, turn.at.isoformat()) for turn in turns]
        rows.connection.executemany(_APPEND, columns)
