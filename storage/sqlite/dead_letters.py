"""Events and dead letters within a transaction."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from storage.ledger import DEAD_LETTER_SECONDS
from storage.rows import dead_letter_from_row, dead_letter_to_row, event_from_row, event_to_row

if TYPE_CHECKING:
    import sqlite3

    from storage.ledger import DeadLetter, Event, MemoKey
    from storage.sqlite.rows import SqliteRows

_KEEP_EVENT = """
INSERT OR REPLACE INTO events (topic, partition, "offset", at, "key", value, headers, chat_id, message_id)
VALUES (:topic, :partition, :offset, :at, :key, :value, :headers, :chat_id, :message_id)
"""
_INSERT = """
INSERT INTO dead_letters (
    topic, partition, "offset", event_at, event_key, event_value, event_headers,
    reason, stage, chat_id, message_id, attempts, digest, first_at, fence, at, publish_after
) VALUES (
    :topic, :partition, :offset, :at, :key, :value, :headers,
    :reason, :stage, :chat_id, :message_id, :attempts, :digest, :first_at, :fence, :now, :publish_after
) ON CONFLICT (topic, partition, "offset") DO
"""
_UPDATE = """
UPDATE SET event_at = excluded.event_at, event_key = excluded.event_key, event_value = excluded.event_value,
    event_headers = excluded.event_headers, reason = excluded.reason, stage = excluded.stage,
    chat_id = excluded.chat_id, message_id = excluded.message_id, attempts = excluded.attempts,
    digest = excluded.digest, fence = excluded.fence, at = excluded.at, publish_after = excluded.publish_after
"""
_WHOLE = """
SELECT topic, partition, "offset", event_at AS at, event_key AS "key", event_value AS value,
    event_headers AS headers, reason, stage, chat_id, message_id, attempts, digest, first_at, fence
FROM dead_letters
"""
_CONTENTLESS = """
SELECT topic, partition, "offset", coalesce(event_at, at) AS at, NULL AS "key", NULL AS value,
    '[]' AS headers, reason, stage, chat_id, message_id, attempts, digest, first_at, fence
FROM dead_letters
"""
_PUBLISH_AFTER = """
UPDATE dead_letters SET publish_after = ? WHERE topic = ? AND partition = ? AND "offset" = ? AND fence = ?
"""


def keep_event(rows: SqliteRows, key: MemoKey, event: Event) -> None:
    """Store the event that brought a memo."""
    address = {"chat_id": key.chat_id, "message_id": key.message_id}
    rows.connection.execute(_KEEP_EVENT, {**_columns(event), **address})


def drop_event(rows: SqliteRows, key: MemoKey) -> None:
    """Delete the event that brought a memo."""
    rows.connection.execute("DELETE FROM events WHERE chat_id = ? AND message_id = ?", (key.chat_id, key.message_id))


def event_of(rows: SqliteRows, key: MemoKey) -> Event | None:
    """Return the event of a memo, else of its newest dead letter."""
    address = (key.chat_id, key.message_id)
    row = rows.connection.execute("SELECT * FROM events WHERE chat_id = ? AND message_id = ?", address).fetchone()
    if row is None:
        newest = "WHERE chat_id = ? AND message_id = ? AND event_at IS NOT NULL ORDER BY sequence DESC LIMIT 1"
        row = rows.connection.execute(_WHOLE + newest, address).fetchone()
    return _event(row) if row is not None else None


def write(rows: SqliteRows, letter: DeadLetter, *, again: bool) -> None:
    """Write an unpublished letter; `again` overwrites that of its place."""
    columns = {**_columns(letter.event), **dead_letter_to_row(letter), "first_at": letter.first_at}
    times = {"now": rows.now, "publish_after": rows.now + DEAD_LETTER_SECONDS}
    rows.connection.execute(_INSERT + (_UPDATE if again else "NOTHING"), {**columns, **times})


def take_unpublished(rows: SqliteRows, *, limit: int, seconds: float) -> list[DeadLetter]:
    """Take unpublished letters."""
    # The plus has SQLite look in the index of the unpublished, rather than walk all letters in their order.
    letters = _select(rows, _WHOLE + "WHERE publish_after <= ? ORDER BY +sequence LIMIT ?", rows.now, limit)
    for letter in letters:
        set_publish_after(rows, letter, rows.now + seconds)
    return letters


def set_publish_after(rows: SqliteRows, letter: DeadLetter, at: float | None) -> None:
    """Set when others may publish a letter, unless it was written again; None: it is published."""
    place = letter.event.place
    rows.connection.execute(_PUBLISH_AFTER, (at, place.topic, place.partition, place.offset, letter.fence))


def contentless(rows: SqliteRows, query: str, *values: object) -> list[DeadLetter]:
    """List the selected dead letters without the contents of their events."""
    return _select(rows, _CONTENTLESS + query, *values)


def with_word(rows: SqliteRows, word: bytes, limit: int) -> list[DeadLetter]:
    """List stray letters with these bytes."""
    query = "SELECT sequence, event_headers AS headers, instr(event_value, :word) OR instr(event_key, :word) AS found"
    candidates = rows.connection.execute(query + " FROM dead_letters WHERE chat_id IS NULL", {"word": word})
    sequences = [row["sequence"] for row in candidates if row["found"] or _in_headers(row["headers"], word)]
    chosen = "WHERE sequence IN (SELECT value FROM json_each(?)) ORDER BY sequence LIMIT ?"
    return contentless(rows, chosen, json.dumps(sequences), limit)


def _select(rows: SqliteRows, query: str, *values: object) -> list[DeadLetter]:
    return [dead_letter_from_row(row, _event(row)) for row in rows.connection.execute(query, values).fetchall()]


def _in_headers(headers: str | None, word: bytes) -> bool:
    return any(word in b64decode(value) for _, value in json.loads(headers or "[]"))


def _columns(event: Event) -> dict[str, Any]:
    columns = event_to_row(event)
    return {**columns, "headers": json.dumps(columns["headers"]), "key": event.key, "value": event.value}


def _event(row: sqlite3.Row) -> Event:
    return event_from_row(row, row["key"], row["value"], json.loads(row["headers"]))
