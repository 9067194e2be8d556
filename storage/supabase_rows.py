"""What the SQL functions take and answer, and the values of the ledger that it stands for."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from storage.ledger import Behind, Claim, DeadLetter, Event, Held, MemoKey, Parked, Place, Settled, State, Step, Story

if TYPE_CHECKING:
    from collections.abc import Sequence

Row: TypeAlias = "Mapping[str, Any]"

_REPLACEMENT = "\ufffd"


def storable(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    """Give JSON without the characters that PostgreSQL's text cannot hold: NUL, and halves of surrogate pairs."""
    match value:
        case str():
            if "\0" not in value and value.isascii():
                return value
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", _REPLACEMENT)
        case Mapping():
            return {storable(name): storable(each) for name, each in value.items()}
        case list() | tuple():
            return [storable(each) for each in value]
        case _:
            return value


def address(key: MemoKey) -> dict[str, object]:
    """Name a memo."""
    return {"p_chat_id": storable(key.chat_id), "p_message_id": storable(key.message_id)}


def steps(told: Sequence[Step]) -> list[dict[str, object]]:
    """Give lines of a memo's story."""
    return [{"stage": step.stage, "seconds": step.seconds, "rung": step.rung, "error": step.error} for step in told]


def event(given: Event | None) -> dict[str, object]:
    """Give an event in its two parts; an event may be large, so this is for a thread."""
    if given is None:
        return {"p_event": None, "p_value": None}
    small = {
        "topic": given.place.topic,
        "partition": given.place.partition,
        "offset": given.place.offset,
        "at": given.at,
        "headers": [(storable(name), b64encode(value).decode()) for name, value in given.headers],
        "key": _encoded(given.key),
    }
    return {"p_event": small, "p_value": _encoded(given.value)}


def letter(given: DeadLetter | None) -> dict[str, object] | None:
    """Give a letter without its event."""
    if given is None:
        return None
    whose: dict[str, object] = {
        "chat_id": given.key.chat_id if given.key else None,
        "message_id": given.key.message_id if given.key else None,
        "reason": given.reason,
        "stage": given.stage,
        "attempts": given.attempts,
        "digest": given.digest,
        "fence": given.fence,
    }
    return {name: storable(value) for name, value in whose.items()}


def answer(key: MemoKey, row: Row) -> Claim | Held | Parked | Behind | Settled:
    """Read what was said to somebody who wanted a memo."""
    match row["answer"]:
        case "claim":
            return Claim(
                key,
                row["fence"],
                State(row["state"]),
                row["facts"],
                generation=row["generation"],
                tries=row["tries"],
                age_seconds=row["age_seconds"],
            )
        case "held":
            return Held(row["owner"], row["seconds_left"])
        case "parked":
            return Parked()
        case "behind":
            return Behind(MemoKey(key.chat_id, row["message_id"]))
        case _:
            return Settled(State(row["state"]))


def read_event(row: Row) -> Event:
    """Read an event; for a thread."""
    headers = tuple((name, b64decode(value)) for name, value in row["headers"])
    place = Place(row["topic"], row["partition"], row["offset"])
    return Event(place, row["at"], _decoded(row["key"]), _decoded(row["value"]), headers)


def read_letter(row: Row) -> DeadLetter:
    """Read a letter; for a thread."""
    return DeadLetter(
        read_event(row),
        row["reason"],
        row["stage"],
        MemoKey(row["chat_id"], row["message_id"]) if row["chat_id"] is not None else None,
        row["attempts"],
        row["digest"],
        row["first_at"],
        row["fence"],
    )


def read_story(row: Row) -> Story:
    """Read a memo's story."""
    return Story(
        key=MemoKey(row["chat_id"], row["message_id"]),
        state=State(row["state"]),
        reason=row["reason"],
        fence=row["fence"],
        owner=row["owner"],
        received_at=row["received_at"],
        settled_at=row["settled_at"],
        facts=row["facts"],
        steps=tuple(Step(*step) for step in row["steps"]),
        generation=row["generation"],
        tries=row["tries"],
        due_at=row["due_at"],
        lease_until=row["lease_until"],
        purged_at=row["purged_at"],
    )


def _encoded(value: bytes | None) -> str | None:
    return None if value is None else b64encode(value).decode()


def _decoded(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)
