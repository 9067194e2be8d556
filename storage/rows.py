"""Values of the ledger to and from the columns that SQLite and PostgreSQL share; formats are existing databases'."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, Protocol

from storage.ledger import Claim, DeadLetter, Event, MemoKey, Place, Step, Story
from storage.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable


class Row(Protocol):
    """Columns by name."""

    def __getitem__(self, name: str, /) -> Any:  # noqa: ANN401 (whatever the database holds)
        """Return a column's value."""


def claim_from_row(key: MemoKey, row: Row) -> Claim:
    """Read a claim."""
    return Claim(
        key,
        row["fence"],
        State(row["state"]),
        row["facts"],
        generation=row["generation"],
        tries=row["tries"],
        age_seconds=row["age_seconds"],
    )


def story_from_row(row: Row, steps: Iterable[tuple[Any, ...]] = ()) -> Story:
    """Read a story; without a holder, owner and lease_until are None."""
    return Story(
        key=MemoKey(row["chat_id"], row["message_id"]),
        state=State(row["state"]),
        reason=row["reason"],
        fence=row["fence"],
        owner=row["owner"],
        received_at=row["received_at"],
        settled_at=row["settled_at"],
        facts=row["facts"],
        steps=tuple(Step(*step) for step in steps),
        generation=row["generation"],
        tries=row["tries"],
        due_at=row["due_at"],
        lease_until=row["lease_until"],
        purged_at=row["purged_at"],
    )


def letter_to_row(letter: DeadLetter) -> dict[str, Any]:
    """Return a letter's columns without its event's."""
    return {
        "chat_id": letter.key.chat_id if letter.key else None,
        "message_id": letter.key.message_id if letter.key else None,
        "reason": letter.reason,
        "stage": letter.stage,
        "attempts": letter.attempts,
        "digest": letter.digest,
        "fence": letter.fence,
    }


def letter_from_row(row: Row, event: Event) -> DeadLetter:
    """Read a letter."""
    return DeadLetter(
        event,
        row["reason"],
        row["stage"],
        MemoKey(row["chat_id"], row["message_id"]) if row["chat_id"] is not None else None,
        row["attempts"],
        row["digest"],
        row["first_at"],
        row["fence"],
    )


def event_to_row(event: Event) -> dict[str, Any]:
    """Return an event's columns without key and value."""
    place = event.place
    headers = [(name, b64encode(value).decode()) for name, value in event.headers]
    return {
        "topic": place.topic,
        "partition": place.partition,
        "offset": place.offset,
        "at": event.at,
        "headers": headers,
    }


def event_from_row(row: Row, key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, str]]) -> Event:
    """Read an event."""
    place = Place(row["topic"], row["partition"], row["offset"])
    return Event(place, row["at"], key, value, tuple((name, b64decode(each)) for name, each in headers))
