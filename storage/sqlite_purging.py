"""Purging in SQLite."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from storage import sqlite_letters as letters
from storage.errors import Fenced
from storage.ledger import MemoKey, State
from storage.purging import FORGOTTEN, left_behind
from storage.sqlite_rows import Rows, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from storage.ledger import Claim, DeadLetter, Held, Place, Story
    from storage.sqlite import SqliteStore

T = TypeVar("T")

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


class SqlitePurging:
    """Deletes rows of the store's file."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def settled(self, seconds: float, *, purged: bool, limit: int) -> Sequence[Story]:
        """Tell of memos that were settled so long ago; the oldest first."""

        def work(rows: Rows) -> list[Story]:
            wanted = {"before": rows.now - seconds, "purged": purged, "limit": limit}
            return rows.stories(_SETTLED, wanted)

        return await self._transact(work)

    async def memos(self, *, after: MemoKey | None, limit: int) -> Sequence[Story]:
        """Tell of all memos, chat by chat."""
        chat_id, message_id = (after.chat_id, after.message_id) if after else (None, None)
        wanted = {"chat_id": chat_id, "message_id": message_id, "limit": limit}
        return await self._transact(lambda rows: rows.stories(_MEMOS, wanted))

    async def take(
        self, key: MemoKey, *, owner: str, lease_seconds: float, seconds: float | None = None
    ) -> Claim | Held | None:
        """Hold a memo to empty it."""

        def work(rows: Rows) -> Claim | Held | None:
            row = rows.get(key)
            if row is None or row["purged_at"] is not None:
                return None
            if seconds is not None and not (row["settled_at"] or rows.now) < rows.now - seconds:
                return None
            return rows.held(row) or rows.grant(key, owner, lease_seconds)

        return await self._transact(work)

    async def empty(self, claim: Claim, *, who: str | None = None) -> None:
        """Delete everything of a memo but that it was. Raises Fenced."""

        def work(rows: Rows) -> None:
            row, key = rows.get(claim.key), claim.key
            if row is None or row["fence"] != claim.fence or row["lease_until"] <= rows.now:
                raise Fenced("the claim is no longer ours")
            for table in ("steps", "events", "dead_letters", "turns"):
                parts = (key.chat_id, key.message_id)
                rows.connection.execute(f"DELETE FROM {table} WHERE chat_id = ? AND message_id = ?", parts)  # noqa: S608 (the names above)
            settled = state_of(row).settled
            rows.update(
                key,
                state=state_of(row) if settled else State.IGNORED,
                reason=row["reason"] if settled else FORGOTTEN,
                settled_at=row["settled_at"] if settled else rows.now,
                facts=json.dumps(left_behind(who)),
                purged_at=rows.now,
                owner=None,
                lease_until=0,
                due_at=None,
                parked_sequence=None,
            )

        await self._transact(work)

    async def remove(self, key: MemoKey) -> None:
        """Remove the row of a memo that was emptied."""
        await self._execute(
            "DELETE FROM memos WHERE chat_id = ? AND message_id = ? AND purged_at IS NOT NULL",
            key.chat_id,
            key.message_id,
        )

    async def letters(self, seconds: float, *, limit: int) -> Sequence[DeadLetter]:
        """Give letters of events that are no memo, written so long ago; the oldest first."""
        return await self._transact(lambda rows: letters.before(rows, rows.now - seconds, limit))

    async def letters_with(self, word: bytes, *, limit: int) -> Sequence[DeadLetter]:
        """Give those whose event has these bytes in it."""
        return await self._transact(lambda rows: letters.with_word(rows, word, limit))

    async def drop_letter(self, place: Place) -> None:
        """Delete the letter of the event that stood there."""
        await self._execute(
            'DELETE FROM dead_letters WHERE topic = ? AND partition = ? AND "offset" = ?',
            place.topic,
            place.partition,
            place.offset,
        )

    async def turns(self, seconds: float, *, limit: int) -> Sequence[MemoKey]:
        """Name memos of which the ledger knows nothing more, and that have turns so old."""

        def work(rows: Rows) -> list[MemoKey]:
            before = datetime.fromtimestamp(rows.now - seconds, UTC).isoformat()
            found = rows.connection.execute(_TURNS, {"before": before, "limit": limit})
            return [MemoKey(*each) for each in found.fetchall()]

        return await self._transact(work)

    async def drop_turns(self, chat_id: str, message_id: str | None = None) -> None:
        """Delete what was said in a chat: the turns of one memo, or all."""
        if message_id is None:
            await self._execute("DELETE FROM turns WHERE chat_id = ?", chat_id)
        else:
            await self._execute("DELETE FROM turns WHERE chat_id = ? AND message_id = ?", chat_id, message_id)

    async def forget(self, who: str) -> None:
        """Note that a person is forgotten from now on."""
        await self._execute("INSERT OR REPLACE INTO forgotten (person, at) VALUES (?, ?)", who, self._store.now())

    async def scrub(self) -> bool:
        """Write the file anew and empty its journal: a page keeps bytes of what was moved or deleted in it."""
        return await self._store.rewrite()

    async def _execute(self, statement: str, *values: object) -> None:
        await self._transact(lambda rows: rows.connection.execute(statement, values))

    async def _transact(self, work: Callable[[Rows], T]) -> T:
        return await self._store.transact(lambda connection: work(Rows(connection, self._store.now())))
