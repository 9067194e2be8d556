"""A memo's story from the ledger, for people to read."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from rich.table import Column, Table
from rich.text import Text

from console.printing import Entry, full_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from storage.ledger import JsonValue, Story

_EVENT = re.compile(r".+\[\d+\]@\d+")  # TOPIC[PARTITION]@OFFSET
_LABEL_COLUMNS = 10
_time = partial(full_time, timespec="milliseconds")


def not_a_memo(name: str) -> str | None:
    """Explain an event that is no memo, if that is one's name; else return None."""
    if not _EVENT.fullmatch(name):
        return None
    return (
        "this is an event that is no memo: it has no story and needs no answer. KAFKA_DEAD_LETTER_TOPIC has "
        "its bytes, which may be put back on KAFKA_TOPIC once a release can read them"
    )


def standing(story: Story) -> str:
    """Return the state if settled, else parked, held, or interrupted: no worker takes that up."""
    if story.state.settled:
        return story.state.value
    if story.due_at is not None:
        return "parked"
    return "held" if story.owner else "interrupted"


def why(story: Story) -> str | None:
    """Return why; a memo parked without a reason waits behind another, or for a lease to end."""
    if story.owner:
        return "is being tried now"
    return story.reason or ("waits its turn" if story.due_at is not None else None)


def tries(story: Story) -> int:
    """Count the tries since the memo was received or last reprocessed; the ledger counts only parked ones."""
    return story.tries + story.state.settled


def print_story(story: Story, console: Console) -> None:
    """Print all of a memo's story."""
    for label, text in _head(story).items():
        if text:
            console.print(Entry(Text(label, style="bold"), Text(text), _LABEL_COLUMNS), crop=False)
    if story.steps:
        console.print(_steps(story))


def _head(story: Story) -> dict[str, str | None]:
    facts = story.facts
    waits = story.due_at is not None or story.state.for_a_person
    return {
        "memo": f"{story.key.message_id} in chat {story.key.chat_id}",
        "state": standing(story) + (f" ({reason})" if (reason := why(story)) else ""),
        "reached": None if story.state.settled else story.state.value,
        "received": _time(story.received_at),
        "settled": _time(story.settled_at) if story.settled_at else "not yet",
        "purged": f"{_time(story.purged_at)}: its words, its story and its recordings" if story.purged_at else None,
        "tries": str(tries(story)) if waits else None,
        "due": _time(story.due_at) if story.due_at is not None else None,
        "held by": f"{story.owner} until {_time(story.lease_until)}" if story.owner and story.lease_until else None,
        "claims": _claims(story),
        "replies": f"{story.generation}: one more was asked for with --again" if story.generation > 1 else None,
        "read": _fact(facts, "written"),
        "heard": _fact(facts, "transcript"),
        "language": _fact(facts, "language"),
        "replied": _fact(facts, "said") or _fact(facts, "reply"),
        "sent as": " ".join(filter(None, (_fact(facts, "sent_id"), _fact(facts, "form")))),
        "kept": "\n".join(filter(None, (_fact(facts, key) for key in ("original", "wav", "spoken")))),
        "owed": ", ".join(_list(facts, "owed")),
        "bug at": "\n".join(_list(facts, "bug")),
    }


def _claims(story: Story) -> str:
    """Count the claims, and list those that left no step."""
    with_steps = {step.fence for step in story.steps} | ({story.fence} if story.owner else set())
    without = [str(number) for number in range(1, story.fence + 1) if number not in with_steps]
    if not without:
        return str(story.fence)
    return f"{story.fence}; no. {', '.join(without)} left no step: its worker died, or lost the memo"


def _steps(story: Story) -> Table:
    several = story.fence > 1
    columns = ("stage", "rung", Column("ms", justify="right"), Column("error", overflow="fold"))
    table = Table(*(("claim", *columns) if several else columns), box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for step in story.steps:
        cells = (step.stage, step.rung or "", f"{step.seconds * 1000:.0f}", step.error or "")  # constant words of ours
        table.add_row(*((str(step.fence), *cells) if several else cells), style="red" if step.error else "")
    return table


def _fact(facts: Mapping[str, JsonValue], name: str) -> str | None:
    value = facts.get(name)
    return " ".join(str(value).splitlines()) if value else None  # a line feed in them would look like a line of ours


def _list(facts: Mapping[str, JsonValue], name: str) -> list[str]:
    value = facts.get(name)
    return [str(each) for each in value] if isinstance(value, list) else []
