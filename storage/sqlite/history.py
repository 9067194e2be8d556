"""History in SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.history import History
from storage.rows import turn_from_row, turn_to_row
from storage.sqlite.rows import InDatabase, SqliteRows, transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.history import PastTurn

_RECENT = "SELECT role, text, language, at FROM turns WHERE chat_id = ? ORDER BY sequence DESC LIMIT ?"
_APPEND = """
INSERT INTO turns (chat_id, message_id, role, text, language, at)
VALUES (:chat_id, :message_id, :role, :text, :language, :at) ON CONFLICT DO NOTHING
"""


class SqliteHistory(InDatabase, History):
    """`History` as rows."""

    @transaction
    def recent(self, rows: SqliteRows, chat_id: str, *, limit: int) -> Sequence[PastTurn]:
        found = rows.connection.execute(_RECENT, (chat_id, limit)).fetchall()
        return [turn_from_row(row) for row in reversed(found)]

    @transaction
    def append(self, rows: SqliteRows, chat_id: str, message_id: str, turns: Sequence[PastTurn]) -> None:
        memo = {"chat_id": chat_id, "message_id": message_id}
        rows.connection.executemany(_APPEND, [{**memo, **turn_to_row(turn)} for turn in turns])
