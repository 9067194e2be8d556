"""Purging in SQLite."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from storage.errors import Fenced
from storage.ledger import MemoKey
from storage.purging import FORGOTTEN, Purging, remaining_facts
from storage.sqlite import dead_letters
from storage.sqlite.rows import InDatabase, SqliteRows, state_of, transaction
from storage.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.ledger import Claim, DeadLetter, Held, Place, Story

_SETTLED = """
SELECT * FROM memos WHERE settled_at IS NOT NULL AND settled_at < :before AND (purged_at IS NOT NULL) = :purged
ORDER BY settled_at, chat_id, message_id LIMIT :limit
"""
_MEMOS = """
SELECT * FROM memos WHERE :chat_id IS NULL OR (chat_id, message_id) > (:chat_id, :message_id)
ORDER BY chat_id, message_id LIMIT :limit
"""
_TURNS = """
SELECT DISTINCT chat_id, message_id FROM turns WHERE at < :before AND NOT EXISTS (
    SELECT 1 FROM memos
    WHERE memos.chat_id = turns.chat_id AND memos.message_id = turns.message_id AND purged_at IS NULL
)
ORDER BY chat_id, message_id LIMIT :limit
"""
_OLD_DEAD_LETTERS = "WHERE chat_id IS NULL AND dead_letters.at < ? ORDER BY dead_letters.at, sequence LIMIT ?"
_REMOVE = "DELETE FROM memos WHERE chat_id = ? AND message_id = ? AND purged_at IS NOT NULL"
_DROP_TURNS = "DELETE FROM turns WHERE chat_id = :chat_id AND (:message_id IS NULL OR message_id = :message_id)"
_DROP_LETTER = 'DELETE FROM dead_letters WHERE topic = ? AND partition = ? AND "offset" = ?'


class SqlitePurging(InDatabase, Purging):
    """`Purging` of rows."""

    @transaction
    def settled(self, rows: SqliteRows, seconds: float, *, purged: bool, limit: int) -> Sequence[Story]:
        return rows.stories(_SETTLED, {"before": rows.now - seconds, "purged": purged, "limit": limit})

    @transaction
    def memos(self, rows: SqliteRows, *, after: MemoKey | None, limit: int) -> Sequence[Story]:
        chat_id, message_id = (after.chat_id, after.message_id) if after else (None, None)
        return rows.stories(_MEMOS, {"chat_id": chat_id, "message_id": message_id, "limit": limit})

    @transaction
    def take(
        self, rows: SqliteRows, key: MemoKey, *, owner: str, lease_seconds: float, seconds: float | None = None
    ) -> Claim | Held | None:
        row = rows.get(key)
        if row is None or row["purged_at"] is not None:
            return None
        if seconds is not None and not (row["settled_at"] or rows.now) < rows.now - seconds:
            return None
        return rows.held(row) or rows.grant(key, owner, lease_seconds)

    @transaction
    def empty(self, rows: SqliteRows, claim: Claim, *, who: str | None = None) -> None:
        row, key = rows.get(claim.key), claim.key
        if row is None or row["fence"] != claim.fence or row["lease_until"] <= rows.now:
            raise Fenced("the claim is no longer ours")
        for table in ("steps", "events", "dead_letters", "turns"):
            address = (key.chat_id, key.message_id)
            rows.connection.execute(f"DELETE FROM {table} WHERE chat_id = ? AND message_id = ?", address)  # noqa: S608 (the names above)
        settled = state_of(row).settled
        rows.update(
            key,
            state=state_of(row) if settled else State.IGNORED,
            reason=row["reason"] if settled else FORGOTTEN,
            settled_at=row["settled_at"] if settled else rows.now,
            facts=json.dumps(remaining_facts(who)),
            purged_at=rows.now,
            owner=None,
            lease_until=0,
            due_at=None,
            parked_sequence=None,
        )

    @transaction
    def remove(self, rows: SqliteRows, key: MemoKey) -> None:
        rows.connection.execute(_REMOVE, (key.chat_id, key.message_id))

    @transaction
    def old_dead_letters(self, rows: SqliteRows, seconds: float, *, limit: int) -> Sequence[DeadLetter]:
        return dead_letters.contentless(rows, _OLD_DEAD_LETTERS, rows.now - seconds, limit)

    @transaction
    def dead_letters_with(self, rows: SqliteRows, word: bytes, *, limit: int) -> Sequence[DeadLetter]:
        return dead_letters.with_word(rows, word, limit)

    @transaction
    def drop_dead_letter(self, rows: SqliteRows, place: Place) -> None:
        rows.connection.execute(_DROP_LETTER, (place.topic, place.partition, place.offset))

    @transaction
    def turns(self, rows: SqliteRows, seconds: float, *, limit: int) -> Sequence[MemoKey]:
        before = datetime.fromtimestamp(rows.now - seconds, UTC).isoformat()
        found = rows.connection.execute(_TURNS, {"before": before, "limit": limit})
        return [MemoKey(*each) for each in found.fetchall()]

    @transaction
    def drop_turns(self, rows: SqliteRows, chat_id: str, message_id: str | None = None) -> None:
        rows.connection.execute(_DROP_TURNS, {"chat_id": chat_id, "message_id": message_id})

    @transaction
    def forget(self, rows: SqliteRows, who: str) -> None:
        rows.connection.execute("INSERT OR REPLACE INTO forgotten (person, at) VALUES (?, ?)", (who, rows.now))

    async def scrub(self) -> bool:
        return await self.database.rewrite()
