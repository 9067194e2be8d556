"""Columns that SQLite and PostgreSQL share, to and from values of the ports. Existing databases fix their formats."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from storage.history import PastTurn
from storage.ledger import Claim, DeadLetter, Event, MemoKey, Place, Step, Story
from storage.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable

_STORY_COLUMNS = (
    "reason", "fence", "owner", "received_at", "settled_at", "facts", "generation", "tries", "due_at", "lease_until",
    "purged_at",
)  # fmt: skip
_DEAD_LETTER_COLUMNS = ("reason", "stage", "attempts", "digest", "fence")


class Row(Protocol):
    """Columns by name."""

    def __getitem__(self, name: str, /) -> Any:  # noqa: ANN401 (whatever the database holds)
        """Return a column's value."""


def turn_to_row(turn: PastTurn) -> dict[str, Any]:
    """Return a turn's columns."""
    return {"role": turn.role, "text": turn.text, "language": turn.language, "at": turn.at.isoformat()}


def turn_from_row(row: Row) -> PastTurn:
    """Read a turn."""
    return PastTurn(row["role"], row["text"], row["language"], datetime.fromisoformat(row["at"]).astimezone(UTC))


def claim_from_row(key: MemoKey, row: Row) -> Claim:
    """Read a claim."""
    state, facts = State(row["state"]), row["facts"]
    return Claim(key, row["fence"], state, facts, row["generation"], row["tries"], row["age_seconds"])


def story_from_row(row: Row, steps: Iterable[tuple[Any, ...]] = ()) -> Story:
    """Read a story; without a holder, owner and lease_until are None."""
    return Story(
        key=MemoKey(row["chat_id"], row["message_id"]),
        state=State(row["state"]),
        steps=tuple(Step(*step) for step in steps),
        **{name: row[name] for name in _STORY_COLUMNS},
    )


def dead_letter_to_row(letter: DeadLetter) -> dict[str, Any]:
    """Return a dead letter's columns without its event's."""
    chat_id, message_id = (letter.key.chat_id, letter.key.message_id) if letter.key else (None, None)
    columns = {name: getattr(letter, name) for name in _DEAD_LETTER_COLUMNS}
    return {"chat_id": chat_id, "message_id": message_id, **columns}


def dead_letter_from_row(row: Row, event: Event) -> DeadLetter:
    """Read a dead letter."""
    key = MemoKey(row["chat_id"], row["message_id"]) if row["chat_id"] is not None else None
    columns = {name: row[name] for name in _DEAD_LETTER_COLUMNS}
    return DeadLetter(event, key=key, first_at=row["first_at"], **columns)


def event_to_row(event: Event) -> dict[str, Any]:
    """Return an event's columns without key and value."""
    headers = [(name, b64encode(value).decode()) for name, value in event.headers]
    return {**asdict(event.place), "at": event.at, "headers": headers}


def event_from_row(row: Row, key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, str]]) -> Event:
    """Read an event."""
    place = Place(row["topic"], row["partition"], row["offset"])
    return Event(place, row["at"], key, value, tuple((name, b64decode(each)) for name, each in headers))
