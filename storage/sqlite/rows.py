"""Rows of memos within a transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from storage.errors import Fenced
from storage.ledger import LONGEST_LEASE_SECONDS, Held, MemoKey
from storage.purging import was_before
from storage.rows import claim_from_row, story_from_row
from storage.states import State

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence

    from storage.ledger import Claim, JsonValue, Step, Story
    from storage.sqlite.database import Database

P = ParamSpec("P")
T = TypeVar("T")

_FIRST_PARKED = """
SELECT message_id FROM memos WHERE chat_id = :chat_id AND parked_sequence IS NOT NULL
AND (:before IS NULL OR parked_sequence < :before) ORDER BY parked_sequence LIMIT 1
"""
_INSERT = """
INSERT INTO memos (chat_id, message_id, state, fence, lease_until, received_at, begun_at, updated_at, facts)
VALUES (:chat_id, :message_id, :state, 0, 0, :now, :now, :now, :facts)
"""
_ADD_STEP = """
INSERT INTO steps (chat_id, message_id, fence, stage, seconds, rung, error, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""


@dataclass(frozen=True, slots=True)
class SqliteRows:
    """One transaction at one moment."""

    connection: sqlite3.Connection
    now: float

    def get(self, key: MemoKey) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self.connection.execute(
            "SELECT * FROM memos WHERE chat_id = ? AND message_id = ?", (key.chat_id, key.message_id)
        ).fetchone()
        return row

    def known(self, key: MemoKey) -> sqlite3.Row:
        """Return a memo's row. Raises KeyError."""
        if (row := self.get(key)) is None:
            raise KeyError("there is no such memo")
        return row

    def ours(self, claim: Claim) -> sqlite3.Row:
        """Return the row of a valid claim. Raises Fenced."""
        row = self.get(claim.key)
        if row is None or row["fence"] != claim.fence or row["lease_until"] <= self.now or state_of(row).settled:
            raise Fenced("the claim is no longer ours")
        return row

    def held(self, row: sqlite3.Row) -> Held | None:
        seconds_left = row["lease_until"] - self.now
        if seconds_left > LONGEST_LEASE_SECONDS:  # the clock was set back; a live holder renews by the present clock
            key, seconds_left = MemoKey(row["chat_id"], row["message_id"]), LONGEST_LEASE_SECONDS
            self.update(key, lease_until=self.now + seconds_left)
        return Held(row["owner"], seconds_left) if seconds_left > 0 else None

    def first_parked(self, chat_id: str, *, before: int | None = None) -> MemoKey | None:
        """Return the first parked memo of a chat, before that place in its queue."""
        row = self.connection.execute(_FIRST_PARKED, {"chat_id": chat_id, "before": before}).fetchone()
        return MemoKey(chat_id, row["message_id"]) if row is not None else None

    def place_in_queue(self, row: sqlite3.Row) -> int:
        """Return a memo's place, else the next one."""
        if row["parked_sequence"] is not None:
            return int(row["parked_sequence"])
        (number,) = self.connection.execute(
            "SELECT coalesce(max(parked_sequence), 0) + 1 FROM memos WHERE parked_sequence IS NOT NULL"
        ).fetchone()
        return int(number)

    def insert(self, key: MemoKey, facts: Mapping[str, JsonValue]) -> sqlite3.Row:
        """Add a new memo without a holder."""
        columns = {"chat_id": key.chat_id, "message_id": key.message_id, "state": State.RECEIVED, "now": self.now}
        self.connection.execute(_INSERT, {**columns, "facts": _packed(facts)})
        return self.known(key)

    def update(self, key: MemoKey, **columns: object) -> None:
        assignments = ", ".join(f"{name} = ?" for name in ("updated_at", *columns))
        self.connection.execute(
            f"UPDATE memos SET {assignments} WHERE chat_id = ? AND message_id = ?",  # noqa: S608 (our own column names)
            (self.now, *columns.values(), key.chat_id, key.message_id),
        )

    def grant(self, key: MemoKey, owner: str, lease_seconds: float) -> Claim:
        row = self.known(key)
        fence = row["fence"] + 1
        self.update(key, fence=fence, owner=owner, lease_until=self.now + lease_seconds)
        return claim_from_row(key, {**_parsed(row), "fence": fence, "age_seconds": self.now - row["begun_at"]})

    def add_steps(self, claim: Claim, steps: Sequence[Step]) -> None:
        address = (claim.key.chat_id, claim.key.message_id, claim.fence)
        rows = [(*address, each.stage, each.seconds, each.rung, each.error, self.now) for each in steps]
        self.connection.executemany(_ADD_STEP, rows)

    def find(self, message_id: str) -> list[Story]:
        rows = self.connection.execute("SELECT * FROM memos WHERE message_id = ? ORDER BY chat_id", (message_id,))
        return [self._story(row, self._steps(row)) for row in rows.fetchall()]

    def stories(self, query: str, wanted: Mapping[str, object]) -> list[Story]:
        """Return the selected stories, without steps."""
        return [self._story(row) for row in self.connection.execute(query, wanted).fetchall()]

    def forgotten(self, facts: Mapping[str, JsonValue]) -> bool:
        """Return whether the person was forgotten after the memo was sent."""
        row = self.connection.execute("SELECT at FROM forgotten WHERE person = ?", (facts.get("who"),)).fetchone()
        return was_before(facts.get("sent_at"), row["at"]) if row is not None else False

    def _steps(self, row: sqlite3.Row) -> list[tuple[Any, ...]]:
        return self.connection.execute(
            "SELECT stage, seconds, rung, error, fence FROM steps"
            " WHERE chat_id = ? AND message_id = ? ORDER BY sequence",
            (row["chat_id"], row["message_id"]),
        ).fetchall()

    def _story(self, row: sqlite3.Row, steps: Iterable[tuple[Any, ...]] = ()) -> Story:
        free = {"owner": None, "lease_until": None} if row["lease_until"] <= self.now else {}
        return story_from_row({**_parsed(row), **free}, steps)


class InDatabase:
    """Part of the store in a database."""

    def __init__(self, database: Database) -> None:
        self.database = database


S = TypeVar("S", bound=InDatabase)


def transaction(
    work: Callable[Concatenate[S, SqliteRows, P], T],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Run a method in a transaction of its database, asynchronously."""

    @wraps(work)
    async def transacted(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        database = self.database
        return await database.transact(
            lambda connection: work(self, SqliteRows(connection, database.now()), *args, **kwargs)
        )

    return transacted


def state_of(row: sqlite3.Row) -> State:
    """Return a memo's state."""
    return State(row["state"])


def merged(row: sqlite3.Row, facts: Mapping[str, JsonValue], *, without: Collection[str] = ()) -> str:
    """Return a memo's facts with others added and some dropped, as JSON."""
    known = json.loads(row["facts"]) | dict(facts)
    return _packed({name: value for name, value in known.items() if name not in without})


def _packed(facts: Mapping[str, JsonValue]) -> str:
    return json.dumps(dict(facts), ensure_ascii=False, allow_nan=False)


def _parsed(row: sqlite3.Row) -> dict[str, Any]:
    return {**dict(row), "facts": json.loads(row["facts"])}
