"""Ledger in SQLite: a transaction for each method, by the store's own clock."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from storage.errors import Fenced
from storage.ledger import LONGEST_LEASE_SECONDS, Behind, Ledger, MemoKey, Parked, Place, Settled
from storage.sqlite import dead_letters
from storage.sqlite.rows import InDatabase, SqliteRows, merged, state_of, transaction
from storage.states import State, refuse_to_go_back

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from storage.ledger import Claim, DeadLetter, Event, Held, JsonValue, Step, Story

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


class SqliteLedger(InDatabase, Ledger):
    """`Ledger` as rows."""

    @transaction
    def claim(
        self, rows: SqliteRows, key: MemoKey, *, owner: str, lease_seconds: float, facts: Mapping[str, JsonValue]
    ) -> Claim | Held | Parked | Behind | Settled:
        row = rows.get(key)
        if row is None and rows.forgotten(facts):
            return Settled(State.IGNORED)
        if row is not None and state_of(row).settled:
            return Settled(state_of(row))
        if row is not None and row["due_at"] is not None:
            return Parked()
        if row is not None and (held := rows.held(row)):
            return held
        if first := rows.first_parked(key.chat_id):
            return Behind(first)
        if row is None:
            rows.insert(key, facts)
        return rows.grant(key, owner, lease_seconds)

    @transaction
    def renew(self, rows: SqliteRows, claim: Claim, *, lease_seconds: float) -> None:
        rows.ours(claim)
        rows.update(claim.key, lease_until=rows.now + lease_seconds)

    @transaction
    def advance(self, rows: SqliteRows, claim: Claim, state: State, facts: Mapping[str, JsonValue]) -> None:
        row = rows.ours(claim)
        refuse_to_go_back(state_of(row), state)
        rows.update(claim.key, state=state, facts=merged(row, facts))

    @transaction
    def settle(
        self,
        rows: SqliteRows,
        claim: Claim,
        state: State,
        *,
        reason: str | None,
        facts: Mapping[str, JsonValue],
        steps: Sequence[Step],
        letter: DeadLetter | None = None,
    ) -> None:
        if not state.settled:
            raise ValueError(f"{state} settles nothing")
        row = rows.ours(claim)
        rows.add_steps(claim, steps)
        dead_letters.drop_event(rows, claim.key)
        if letter is not None:
            dead_letters.write(rows, replace(letter, first_at=row["begun_at"]), again=True)
        rows.update(
            claim.key,
            state=state,
            reason=reason,
            facts=merged(row, facts),
            settled_at=rows.now,
            lease_until=0,
            due_at=None,
            parked_sequence=None,
        )

    @transaction
    def release(self, rows: SqliteRows, claim: Claim, *, steps: Sequence[Step]) -> None:
        try:
            rows.ours(claim)
        except Fenced:
            return
        rows.add_steps(claim, steps)
        rows.update(claim.key, lease_until=0)

    @transaction
    def park(
        self,
        rows: SqliteRows,
        claim: Claim,
        event: Event,
        *,
        seconds: float,
        reason: str,
        facts: Mapping[str, JsonValue],
        steps: Sequence[Step],
        holds_chat: bool = True,
    ) -> None:
        row = rows.ours(claim)
        rows.add_steps(claim, steps)
        dead_letters.keep_event(rows, claim.key, event)
        rows.update(
            claim.key,
            reason=reason,
            facts=merged(row, facts),
            tries=row["tries"] + 1,
            lease_until=0,
            due_at=rows.now + seconds,
            parked_sequence=rows.place_in_queue(row) if holds_chat else None,
        )

    @transaction
    def park_behind(self, rows: SqliteRows, key: MemoKey, event: Event, *, facts: Mapping[str, JsonValue]) -> bool:
        row = rows.get(key)
        if row is None and rows.forgotten(facts):
            return True
        if row is not None and (state_of(row).settled or row["due_at"] is not None):
            return True
        if (row is not None and rows.held(row)) or rows.first_parked(key.chat_id) is None:
            return False
        row = row or rows.insert(key, facts)
        dead_letters.keep_event(rows, key, event)
        rows.update(key, due_at=rows.now, parked_sequence=rows.place_in_queue(row))
        return True

    @transaction
    def due(
        self, rows: SqliteRows, topic: str, partitions: Collection[int], *, limit: int
    ) -> Sequence[tuple[MemoKey, Place]]:
        # A time beyond the longest lease was written before the clock was set back.
        wanted = {
            "now": rows.now,
            "beyond": rows.now + LONGEST_LEASE_SECONDS,
            "topic": topic,
            "partitions": json.dumps(list(partitions)),
            "limit": limit,
        }
        found = rows.connection.execute(_DUE, wanted).fetchall()
        return [(MemoKey(chat, message), Place(*place)) for chat, message, *place in found]

    @transaction
    def resume(
        self, rows: SqliteRows, key: MemoKey, *, owner: str, lease_seconds: float
    ) -> Claim | Held | Behind | Settled:
        row = rows.known(key)
        if state_of(row).settled:
            return Settled(state_of(row))
        if held := rows.held(row):
            return held
        aside = row["due_at"] is not None and row["parked_sequence"] is None
        if not aside and (first := rows.first_parked(key.chat_id, before=row["parked_sequence"])):
            return Behind(first)
        return rows.grant(key, owner, lease_seconds)

    @transaction
    def revive(
        self, rows: SqliteRows, key: MemoKey, *, owner: str, lease_seconds: float, without: Collection[str], again: bool
    ) -> Claim | Held | Settled:
        row = rows.known(key)
        state = state_of(row)
        if held := rows.held(row):
            return held
        if row["purged_at"] is not None or (state.settled and not state.for_a_person and not again):
            return Settled(state)
        event = dead_letters.event_of(rows, key)
        if event is not None:
            dead_letters.keep_event(rows, key, event)
        rows.update(
            key,
            state=State.RECEIVED if state.settled or without else state,
            reason=None,
            facts=merged(row, {}, without=without),
            generation=row["generation"] + again,
            tries=0,
            begun_at=rows.now,
            settled_at=None,
            due_at=rows.now if event else None,
            parked_sequence=rows.place_in_queue(row) if event else None,
        )
        return rows.grant(key, owner, lease_seconds)

    @transaction
    def event(self, rows: SqliteRows, key: MemoKey) -> Event | None:
        return dead_letters.event_of(rows, key)

    @transaction
    def bury(self, rows: SqliteRows, letter: DeadLetter) -> None:
        dead_letters.write(rows, replace(letter, first_at=rows.now), again=False)

    @transaction
    def unpublished(self, rows: SqliteRows, *, limit: int, seconds: float) -> Sequence[DeadLetter]:
        return dead_letters.take_unpublished(rows, limit=limit, seconds=seconds)

    @transaction
    def mark_published(self, rows: SqliteRows, letter: DeadLetter) -> None:
        dead_letters.set_publish_after(rows, letter, None)

    @transaction
    def find(self, rows: SqliteRows, message_id: str) -> Sequence[Story]:
        return rows.find(message_id)

    @transaction
    def waiting(self, rows: SqliteRows, *, limit: int) -> Sequence[Story]:
        return rows.stories(_WAITING, {"now": rows.now, "limit": limit})

    @transaction
    def dead_letters(self, rows: SqliteRows, *, limit: int) -> Sequence[DeadLetter]:
        return dead_letters.contentless(rows, "ORDER BY sequence DESC LIMIT ?", limit)
