"""The ledger in SQLite. Whoever holds a memo is decided by its row and the store's own clock, in one transaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from storage.errors import Fenced
from storage.ledger import Claim, DeadLetter, Held, MemoKey, Settled, State, Step, Story, refuse_to_go_back

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from storage.ledger import JsonValue
    from storage.sqlite import SqliteStore

_OF_KEY = "chat_id = ? AND message_id = ?"


class SqliteLedger:
    """Memos, their steps and dead letters as rows of the store's file."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def claim(
        self, key: MemoKey, *, owner: str, lease_seconds: float, facts: Mapping[str, JsonValue]
    ) -> Claim | Held | Settled:
        """Take the memo unless it is settled or held under a lease that still runs."""

        def work(connection: sqlite3.Connection) -> Claim | Held | Settled:
            now = self._store.now()
            connection.execute(
                "INSERT INTO memos (chat_id, message_id, state, fence, lease_until, received_at, updated_at, facts)"
                " VALUES (?, ?, ?, 0, 0, ?, ?, ?) ON CONFLICT DO NOTHING",
                (key.chat_id, key.message_id, State.RECEIVED, now, now, _packed(facts)),
            )
            row = _row(connection, key)
            state = State(row["state"])
            if state.settled:
                return Settled(state)
            if row["lease_until"] > now:
                return Held(row["owner"], row["lease_until"] - now)
            fence = row["fence"] + 1
            _update(connection, key, fence=fence, owner=owner, lease_until=now + lease_seconds, updated_at=now)
            return Claim(key, fence, state, json.loads(row["facts"]))

        return await self._store.transact(work)

    async def renew(self, claim: Claim, *, lease_seconds: float) -> None:
        """Make the lease run anew from now. Raises Fenced."""

        def work(connection: sqlite3.Connection) -> None:
            now = self._store.now()
            _ours(connection, claim, now)
            _update(connection, claim.key, lease_until=now + lease_seconds, updated_at=now)

        await self._store.transact(work)

    async def advance(self, claim: Claim, state: State, facts: Mapping[str, JsonValue]) -> None:
        """Record how far the memo got. Raises Fenced."""

        def work(connection: sqlite3.Connection) -> None:
            now = self._store.now()
            row = _ours(connection, claim, now)
            refuse_to_go_back(State(row["state"]), state)
            merged = json.loads(row["facts"]) | dict(facts)
            _update(connection, claim.key, state=state, facts=_packed(merged), updated_at=now)

        await self._store.transact(work)

    async def settle(
        self, claim: Claim, state: State, *, reason: str | None, facts: Mapping[str, JsonValue], steps: Sequence[Step]
    ) -> None:
        """End the memo, with its story, and give up the lease. Raises Fenced."""
        if not state.settled:
            raise ValueError(f"{state} settles nothing")

        def work(connection: sqlite3.Connection) -> None:
            now = self._store.now()
            row = _ours(connection, claim, now)
            merged = json.loads(row["facts"]) | dict(facts)
            _add_steps(connection, claim, steps, now)
            _update(
                connection,
                claim.key,
                state=state,
                reason=reason,
                facts=_packed(merged),
                lease_until=0,
                updated_at=now,
                settled_at=now,
            )

        await self._store.transact(work)

    async def release(self, claim: Claim, *, steps: Sequence[Step]) -> None:
        """Give up the lease unsettled; a stale claim is left alone."""

        def work(connection: sqlite3.Connection) -> None:
            now = self._store.now()
            try:
                _ours(connection, claim, now)
            except Fenced:
                return
            _add_steps(connection, claim, steps, now)
            _update(connection, claim.key, lease_until=0, updated_at=now)

        await self._store.transact(work)

    async def bury(self, letter: DeadLetter) -> None:
        """Account for a dead-lettered event, once."""

        def work(connection: sqlite3.Connection) -> None:
            key = letter.key
            connection.execute(
                'INSERT INTO dead_letters (topic, partition, "offset", reason, stage, chat_id, message_id, at)'
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    letter.topic,
                    letter.partition,
                    letter.offset,
                    letter.reason,
                    letter.stage,
                    key and key.chat_id,
                    key and key.message_id,
                    self._store.now(),
                ),
            )

        await self._store.transact(work)

    async def find(self, message_id: str) -> Sequence[Story]:
        """Tell the stories of that message id."""

        def work(connection: sqlite3.Connection) -> list[Story]:
            rows = connection.execute("SELECT * FROM memos WHERE message_id = ? ORDER BY chat_id", (message_id,))
            return [_story(connection, row) for row in rows.fetchall()]

        return await self._store.transact(work)

    async def dead_letters(self, *, limit: int) -> Sequence[DeadLetter]:
        """Give the newest dead letters first."""

        def work(connection: sqlite3.Connection) -> list[DeadLetter]:
            rows = connection.execute("SELECT * FROM dead_letters ORDER BY sequence DESC LIMIT ?", (limit,))
            return [_letter(row) for row in rows.fetchall()]

        return await self._store.transact(work)


def _row(connection: sqlite3.Connection, key: MemoKey) -> sqlite3.Row:
    row: sqlite3.Row | None = connection.execute(
        f"SELECT * FROM memos WHERE {_OF_KEY}",  # noqa: S608 (a constant)
        (key.chat_id, key.message_id),
    ).fetchone()
    if row is None:
        raise Fenced("the memo is not in the ledger")
    return row


def _ours(connection: sqlite3.Connection, claim: Claim, now: float) -> sqlite3.Row:
    """Give the memo's row, if the claim still holds it."""
    row = _row(connection, claim.key)
    if row["fence"] != claim.fence or row["lease_until"] <= now or State(row["state"]).settled:
        raise Fenced("the claim is no longer ours")
    return row


def _update(connection: sqlite3.Connection, key: MemoKey, **columns: object) -> None:
    assignments = ", ".join(f"{name} = ?" for name in columns)
    connection.execute(
        f"UPDATE memos SET {assignments} WHERE {_OF_KEY}",  # noqa: S608 (column names are written in this module)
        (*columns.values(), key.chat_id, key.message_id),
    )


def _add_steps(connection: sqlite3.Connection, claim: Claim, steps: Sequence[Step], now: float) -> None:
    connection.executemany(
        "INSERT INTO steps (chat_id, message_id, fence, stage, seconds, rung, error, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (claim.key.chat_id, claim.key.message_id, claim.fence, step.stage, step.seconds, step.rung, step.error, now)
            for step in steps
        ],
    )


def _story(connection: sqlite3.Connection, row: sqlite3.Row) -> Story:
    key = MemoKey(row["chat_id"], row["message_id"])
    steps = connection.execute(
        f"SELECT stage, seconds, rung, error FROM steps WHERE {_OF_KEY} ORDER BY sequence",  # noqa: S608 (a constant)
        (key.chat_id, key.message_id),
    ).fetchall()
    return Story(
        key=key,
        state=State(row["state"]),
        reason=row["reason"],
        fence=row["fence"],
        owner=row["owner"],
        received_at=row["received_at"],
        settled_at=row["settled_at"],
        facts=json.loads(row["facts"]),
        steps=tuple(Step(*step) for step in steps),
    )


def _letter(row: sqlite3.Row) -> DeadLetter:
    key = MemoKey(row["chat_id"], row["message_id"]) if row["chat_id"] is not None else None
    return DeadLetter(row["topic"], row["partition"], row["offset"], row["reason"], row["stage"], key)


def _packed(facts: Mapping[str, JsonValue]) -> str:
    return json.dumps(dict(facts), ensure_ascii=False, allow_nan=False)
