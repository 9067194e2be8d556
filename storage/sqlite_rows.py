"""Rows of memos, as one transaction of the SQLite ledger reads and writes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.errors import Fenced
from storage.ledger import LONGEST_LEASE_SECONDS, Claim, Held, MemoKey, Place, State, Step, Story
from storage.purging import was_before

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping, Sequence

    from storage.ledger import JsonValue

_DUE = """
SELECT memos.chat_id, memos.message_id, topic, partition, "offset"
FROM memos JOIN events USING (chat_id, message_id)
WHERE due_at IS NOT NULL
AND (due_at <= :now OR due_at > :beyond) AND (lease_until <= :now OR lease_until > :beyond)
AND topic = :topic AND partition IN (SELECT value FROM json_each(:partitions))
AND NOT EXISTS (
    SELECT 1 FROM memos AS earlier
    WHERE earlier.chat_id = memos.chat_id AND earlier.parked_sequence < memos.parked_sequence
)
ORDER BY due_at, parked_sequence, memos.chat_id, memos.message_id LIMIT :limit
"""
# The first condition is the index's own, word for word, or SQLite would not use it.
_WAITING = """
SELECT * FROM memos
WHERE (state IN ('failed', 'dead') OR due_at IS NOT NULL
    OR settled_at IS NULL AND (generation > 1 OR begun_at <> received_at))
AND (due_at IS NOT NULL OR lease_until <= :now) AND purged_at IS NULL
ORDER BY received_at DESC, chat_id, message_id LIMIT :limit
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """One transaction, at one moment of the store's clock."""

    connection: sqlite3.Connection
    now: float

    def get(self, key: MemoKey) -> sqlite3.Row | None:
        """Give a memo's row, if there is one."""
        row: sqlite3.Row | None = self.connection.execute(
            "SELECT * FROM memos WHERE chat_id = ? AND message_id = ?", (key.chat_id, key.message_id)
        ).fetchone()
        return row

    def known(self, key: MemoKey) -> sqlite3.Row:
        """Give a memo's row. Raises KeyError."""
        row = self.get(key)
        if row is None:
            raise KeyError("there is no such memo")
        return row

    def ours(self, claim: Claim) -> sqlite3.Row:
        """Give a memo's row, if the claim still holds it. Raises Fenced."""
        row = self.get(claim.key)
        if row is None or row["fence"] != claim.fence or row["lease_until"] <= self.now or state_of(row).settled:
            raise Fenced("the claim is no longer ours")
        return row

    def held(self, row: sqlite3.Row) -> Held | None:
        """Tell who holds a memo, if anybody does."""
        seconds_left = row["lease_until"] - self.now
        if seconds_left > LONGEST_LEASE_SECONDS:  # the clock has been set back; who lives renews, by the clock of now
            key, seconds_left = MemoKey(row["chat_id"], row["message_id"]), LONGEST_LEASE_SECONDS
            self.update(key, lease_until=self.now + seconds_left)
        return Held(row["owner"], seconds_left) if seconds_left > 0 else None

    def first_parked(self, chat_id: str, *, before: int | None = None) -> MemoKey | None:
        """Name the first parked memo of a chat, or the first that stands before a place in its queue."""
        row = self.connection.execute(
            "SELECT message_id FROM memos WHERE chat_id = :chat_id AND parked_sequence IS NOT NULL"
            " AND (:before IS NULL OR parked_sequence < :before) ORDER BY parked_sequence LIMIT 1",
            {"chat_id": chat_id, "before": before},
        ).fetchone()
        return MemoKey(chat_id, row["message_id"]) if row is not None else None

    def place_in_queue(self, row: sqlite3.Row) -> int:
        """Give a memo's place, else one behind all that have one; those that had one are compared with nothing."""
        if row["parked_sequence"] is not None:
            return int(row["parked_sequence"])
        (number,) = self.connection.execute(
            "SELECT coalesce(max(parked_sequence), 0) + 1 FROM memos WHERE parked_sequence IS NOT NULL"
        ).fetchone()
        return int(number)

    def insert(self, key: MemoKey, facts: Mapping[str, JsonValue]) -> sqlite3.Row:
        """Add a new memo that nobody holds."""
        columns = (key.chat_id, key.message_id, State.RECEIVED, self.now, self.now, self.now, _packed(facts))
        self.connection.execute(
            "INSERT INTO memos (chat_id, message_id, state, fence, lease_until, received_at, begun_at, updated_at,"
            " facts) VALUES (?, ?, ?, 0, 0, ?, ?, ?, ?)",
            columns,
        )
        return self.known(key)

    def update(self, key: MemoKey, **columns: object) -> None:
        """Set columns of a memo."""
        assignments = ", ".join(f"{name} = ?" for name in ("updated_at", *columns))
        self.connection.execute(
            f"UPDATE memos SET {assignments} WHERE chat_id = ? AND message_id = ?",  # noqa: S608 (our own column names)
            (self.now, *columns.values(), key.chat_id, key.message_id),
        )

    def grant(self, key: MemoKey, owner: str, lease_seconds: float) -> Claim:
        """Let somebody have a memo."""
        row = self.known(key)
        fence = row["fence"] + 1
        self.update(key, fence=fence, owner=owner, lease_until=self.now + lease_seconds)
        return Claim(
            key,
            fence,
            state_of(row),
            json.loads(row["facts"]),
            generation=row["generation"],
            tries=row["tries"],
            age_seconds=self.now - row["begun_at"],
        )

    def add_steps(self, claim: Claim, steps: Sequence[Step]) -> None:
        """Add lines to a memo's story."""
        key, fence, now = claim.key, claim.fence, self.now
        self.connection.executemany(
            "INSERT INTO steps (chat_id, message_id, fence, stage, seconds, rung, error, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (key.chat_id, key.message_id, fence, each.stage, each.seconds, each.rung, each.error, now)
                for each in steps
            ],
        )

    def due(self, topic: str, partitions: Collection[int], limit: int) -> list[tuple[MemoKey, Place]]:
        """Name the parked memos that may be taken up: those without a place in a queue are behind nobody.

        What is due, or held, for longer than anything ever is, was written before the clock was set back.
        """
        wanted = {
            "now": self.now,
            "beyond": self.now + LONGEST_LEASE_SECONDS,
            "topic": topic,
            "partitions": json.dumps(list(partitions)),
            "limit": limit,
        }
        rows = self.connection.execute(_DUE, wanted).fetchall()
        return [(MemoKey(chat, message), Place(*place)) for chat, message, *place in rows]

    def find(self, message_id: str) -> list[Story]:
        """Tell the stories of a message id."""
        rows = self.connection.execute("SELECT * FROM memos WHERE message_id = ? ORDER BY chat_id", (message_id,))
        return [self._story(row, self._steps(row)) for row in rows.fetchall()]

    def waiting(self, limit: int) -> list[Story]:
        """Tell of memos that failed, are parked, or are nobody's."""
        return self.stories(_WAITING, {"now": self.now, "limit": limit})

    def stories(self, query: str, wanted: Mapping[str, object]) -> list[Story]:
        """Tell, without their steps, of the memos whose rows a query gives."""
        return [self._story(row) for row in self.connection.execute(query, wanted).fetchall()]

    def forgotten(self, facts: Mapping[str, JsonValue]) -> bool:
        """Whether a memo is of somebody who was forgotten after it was sent."""
        who, sent_at = facts.get("who"), facts.get("sent_at")
        row = self.connection.execute("SELECT at FROM forgotten WHERE person = ?", (who,)).fetchone()
        return was_before(sent_at, row["at"]) if row is not None else False

    def _steps(self, row: sqlite3.Row) -> tuple[Step, ...]:
        rows = self.connection.execute(
            "SELECT stage, seconds, rung, error, fence FROM steps"
            " WHERE chat_id = ? AND message_id = ? ORDER BY sequence",
            (row["chat_id"], row["message_id"]),
        )
        return tuple(Step(*step) for step in rows.fetchall())

    def _story(self, row: sqlite3.Row, steps: tuple[Step, ...] = ()) -> Story:
        held = row["lease_until"] > self.now
        return Story(
            key=MemoKey(row["chat_id"], row["message_id"]),
            state=state_of(row),
            reason=row["reason"],
            fence=row["fence"],
            owner=row["owner"] if held else None,
            received_at=row["received_at"],
            settled_at=row["settled_at"],
            facts=json.loads(row["facts"]),
            steps=steps,
            generation=row["generation"],
            tries=row["tries"],
            due_at=row["due_at"],
            lease_until=row["lease_until"] if held else None,
            purged_at=row["purged_at"],
        )


def state_of(row: sqlite3.Row) -> State:
    """Say how far a memo got."""
    return State(row["state"])


def merged(row: sqlite3.Row, facts: Mapping[str, JsonValue], *, without: Collection[str] = ()) -> str:
    """Give what is known of a memo, with what is added and without what is dropped, as it is stored."""
    known = json.loads(row["facts"]) | dict(facts)
    return _packed({name: value for name, value in known.items() if name not in without})


def _packed(facts: Mapping[str, JsonValue]) -> str:
    return json.dumps(dict(facts), ensure_ascii=False, allow_nan=False)
