"""Events and dead letters, as one transaction of the SQLite ledger reads and writes them."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from storage.ledger import LETTER_SECONDS, DeadLetter, Event, MemoKey, Place

if TYPE_CHECKING:
    import sqlite3

    from storage.sqlite_rows import Rows

_INSERT = """
INSERT INTO dead_letters (
    topic, partition, "offset", event_at, event_key, event_value, event_headers,
    reason, stage, chat_id, message_id, attempts, digest, first_at, fence, at, publish_after
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (topic, partition, "offset") DO
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


def keep_event(rows: Rows, key: MemoKey, event: Event) -> None:
    """Keep what brought a memo."""
    rows.connection.execute(
        'INSERT OR REPLACE INTO events (topic, partition, "offset", at, "key", value, headers, chat_id, message_id)'
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*_columns(event), key.chat_id, key.message_id),
    )


def drop_event(rows: Rows, key: MemoKey) -> None:
    """Forget what brought a memo."""
    rows.connection.execute("DELETE FROM events WHERE chat_id = ? AND message_id = ?", (key.chat_id, key.message_id))


def event_of(rows: Rows, key: MemoKey) -> Event | None:
    """Give what brought a memo: its own event, else that of its newest letter."""
    parts = (key.chat_id, key.message_id)
    row = rows.connection.execute("SELECT * FROM events WHERE chat_id = ? AND message_id = ?", parts).fetchone()
    if row is None:
        row = rows.connection.execute(
            _WHOLE + "WHERE chat_id = ? AND message_id = ? AND event_at IS NOT NULL ORDER BY sequence DESC LIMIT 1",
            parts,
        ).fetchone()
    return _event(row) if row is not None else None


def write(rows: Rows, letter: DeadLetter, *, again: bool) -> None:
    """Write a letter that is to be published; where its place has one, write it again, or leave that alone."""
    key = letter.key
    columns = (
        *_columns(letter.event),
        letter.reason,
        letter.stage,
        key and key.chat_id,
        key and key.message_id,
        letter.attempts,
        letter.digest,
        letter.first_at,
        letter.fence,
        rows.now,
        rows.now + LETTER_SECONDS,
    )
    rows.connection.execute(_INSERT + (_UPDATE if again else "NOTHING"), columns)


def take_unpublished(rows: Rows, *, limit: int, seconds: float) -> list[DeadLetter]:
    """Take letters that the topic may not have."""
    found = rows.connection.execute(
        # The plus has SQLite look in the index of the unpublished, rather than walk all letters in their order.
        _WHOLE + "WHERE publish_after <= ? ORDER BY +sequence LIMIT ?",
        (rows.now, limit),
    ).fetchall()
    letters = [_letter(row) for row in found]
    for letter in letters:
        _set_publish_after(rows, letter, rows.now + seconds)
    return letters


def mark_published(rows: Rows, letter: DeadLetter) -> None:
    """Note that the topic has a letter, unless it was written again."""
    _set_publish_after(rows, letter, None)


def newest(rows: Rows, limit: int) -> list[DeadLetter]:
    """Give letters without what their events say."""
    query = _CONTENTLESS + "ORDER BY sequence DESC LIMIT ?"
    return [_letter(row) for row in rows.connection.execute(query, (limit,)).fetchall()]


def before(rows: Rows, at: float, limit: int) -> list[DeadLetter]:
    """Give old letters of events that are no memo, without what their events say."""
    query = _CONTENTLESS + "WHERE chat_id IS NULL AND dead_letters.at < ? ORDER BY dead_letters.at, sequence LIMIT ?"
    return [_letter(row) for row in rows.connection.execute(query, (at, limit)).fetchall()]


def with_word(rows: Rows, word: bytes, limit: int) -> list[DeadLetter]:
    """Give letters of events that are no memo, and that have these bytes in them."""
    query = "SELECT sequence, event_headers AS headers, instr(event_value, :word) OR instr(event_key, :word) AS found"
    candidates = rows.connection.execute(query + " FROM dead_letters WHERE chat_id IS NULL", {"word": word})
    sequences = [row["sequence"] for row in candidates if row["found"] or _in_headers(row["headers"], word)]
    query = _CONTENTLESS + "WHERE sequence IN (SELECT value FROM json_each(?)) ORDER BY sequence LIMIT ?"  # noqa: S608 (constants)
    return [_letter(row) for row in rows.connection.execute(query, (json.dumps(sequences), limit)).fetchall()]


def _in_headers(headers: str | None, word: bytes) -> bool:
    return any(word in b64decode(value) for _, value in json.loads(headers or "[]"))


def _set_publish_after(rows: Rows, letter: DeadLetter, at: float | None) -> None:
    place = letter.event.place
    rows.connection.execute(
        'UPDATE dead_letters SET publish_after = ? WHERE topic = ? AND partition = ? AND "offset" = ? AND fence = ?',
        (at, place.topic, place.partition, place.offset, letter.fence),
    )


def _columns(event: Event) -> tuple[object, ...]:
    place = event.place
    headers = json.dumps([(name, b64encode(value).decode()) for name, value in event.headers])
    return place.topic, place.partition, place.offset, event.at, event.key, event.value, headers


def _event(row: sqlite3.Row) -> Event:
    headers = tuple((name, b64decode(value)) for name, value in json.loads(row["headers"]))
    place = Place(row["topic"], row["partition"], row["offset"])
    return Event(place, row["at"], row["key"], row["value"], headers)


def _letter(row: sqlite3.Row) -> DeadLetter:
    return DeadLetter(
        _event(row),
        row["reason"],
        row["stage"],
        MemoKey(row["chat_id"], row["message_id"]) if row["chat_id"] is not None else None,
        row["attempts"],
        row["digest"],
        row["first_at"],
        row["fence"],
    )
