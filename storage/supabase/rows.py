"""Values of the ledger as JSON, to and from the SQL functions."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from storage import rows
from storage.ledger import Behind, Held, MemoKey, Parked, Settled
from storage.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.ledger import Claim, DeadLetter, Event, Step, Story

Row: TypeAlias = "Mapping[str, Any]"

_REPLACEMENT = "\ufffd"


def storable(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    """Replace characters that PostgreSQL's text cannot hold in JSON: NUL, and lone surrogates."""
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
    """Return a memo's identity as arguments."""
    return {"p_chat_id": storable(key.chat_id), "p_message_id": storable(key.message_id)}


def steps_to_json(lines: Sequence[Step]) -> list[dict[str, object]]:
    """Return steps as JSON."""
    return [{"stage": step.stage, "seconds": step.seconds, "rung": step.rung, "error": step.error} for step in lines]


def event_to_arguments(given: Event | None) -> dict[str, object]:
    """Return an event as two arguments; it may be large: call it in a thread."""
    if given is None:
        return {"p_event": None, "p_value": None}
    columns = rows.event_to_row(given)
    headers = [(storable(name), value) for name, value in columns["headers"]]
    return {"p_event": {**columns, "headers": headers, "key": _encoded(given.key)}, "p_value": _encoded(given.value)}


def dead_letter_to_json(given: DeadLetter | None) -> dict[str, object] | None:
    """Return a dead letter as JSON, without its event."""
    return None if given is None else {name: storable(value) for name, value in rows.dead_letter_to_row(given).items()}


def read_answer(key: MemoKey, row: Row) -> Claim | Held | Parked | Behind | Settled:
    """Read the answer to a claim."""
    match row["answer"]:
        case "claim":
            return rows.claim_from_row(key, row)
        case "held":
            return Held(row["owner"], row["seconds_left"])
        case "parked":
            return Parked()
        case "behind":
            return Behind(MemoKey(key.chat_id, row["message_id"]))
        case _:
            return Settled(State(row["state"]))


def read_event(row: Row) -> Event:
    """Read an event, in a thread."""
    return rows.event_from_row(row, _decoded(row["key"]), _decoded(row["value"]), row["headers"])


def read_dead_letter(row: Row) -> DeadLetter:
    """Read a dead letter, in a thread."""
    return rows.dead_letter_from_row(row, read_event(row))


def read_story(row: Row) -> Story:
    """Read a memo's story."""
    return rows.story_from_row(row, row["steps"])


def _encoded(value: bytes | None) -> str | None:
    return None if value is None else b64encode(value).decode()


def _decoded(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)
