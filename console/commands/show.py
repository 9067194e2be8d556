"""`voicememo show`: a memo's story, from the ledger."""

from __future__ import annotations

import asyncio
import json
import os
import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.table import Column, Table
from rich.text import Text

from console.exits import MISUSED, NO_SUCH_MEMO, end, told
from console.printing import printer
from consumer.settings import load
from consumer.stores import make_store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from consumer.settings import Settings
    from storage.ledger import JsonValue, Story

_EVENT = re.compile(r".+\[\d+\]@\d+")
"""TOPIC[PARTITION]@OFFSET"""


@click.command(name="show")
@click.argument("message_id")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object per chat that has this message.")
def command(message_id: str, as_json: bool) -> None:  # noqa: FBT001 (click passes flags so)
    """Tell the story of MESSAGE_ID: its states, stages, rungs, times, words and errors.

    Reads the ledger that STORE_URL names. A memo is taken again and again until it is settled: each time is a claim,
    and its steps carry the claim's number. Exit status 3 when no memo has that id.
    """
    if not message_id:
        end("Name the memo to show; `voicememo failed` lists those that wait.", MISUSED)
    with told():
        stories = asyncio.run(find(load(os.environ, complete=False), message_id))
    if not stories:
        unknown = f"No memo has the id {message_id}. Is STORE_URL the worker's own?"
        words = of_no_memo(message_id)
        end(f"{message_id}: {words}" if words else unknown, NO_SUCH_MEMO)
    for story in stories:
        if as_json:
            click.echo(json.dumps({**asdict(story), "standing": standing(story)}, ensure_ascii=False))
        else:
            tell(story, printer())


async def find(settings: Settings, message_id: str) -> Sequence[Story]:
    """Look a memo up. Raises StoreUnavailable."""
    store = make_store(settings)
    await store.open()
    try:
        return await store.ledger.find(message_id)
    finally:
        await store.close()


def of_no_memo(name: str) -> str | None:
    """Say what is so of an event that is no memo, where a name is one's (`voicememo failed` lists them); else None."""
    if not _EVENT.fullmatch(name):
        return None
    return (
        "this is an event that is no memo: it has no story, and there is nobody to answer. KAFKA_DEAD_LETTER_TOPIC has "
        "its bytes, which may be put back on KAFKA_TOPIC once a release can read them"
    )


def standing(story: Story) -> str:
    """Say in a word where a memo stands: how it ended, else parked, held, or interrupted: it is nobody's now."""
    if story.state.settled:
        return story.state.value
    if story.due_at is not None:
        return "parked"
    return "held" if story.owner else "interrupted"


def why(story: Story) -> str | None:
    """Say why a memo stands so; one that is parked without a reason waits behind another, or for a lease to run out."""
    if story.owner:
        return "is being tried now"
    return story.reason or ("waits its turn" if story.due_at is not None else None)


def tries(story: Story) -> int:
    """Say how often a memo was tried, since it was received or last reprocessed; the ledger counts what was parked."""
    return story.tries + story.state.settled


def tell(story: Story, console: Console) -> None:
    """Print a story."""
    head = Table.grid("", Column(overflow="fold"), padding=(0, 2))
    for name, value in _head(story).items():
        if value:
            head.add_row(Text(name, style="bold"), Text(value))
    console.print(head)
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
        "read": _word(facts, "written"),
        "heard": _word(facts, "transcript"),
        "language": _word(facts, "language"),
        "replied": _word(facts, "said") or _word(facts, "reply"),
        "sent as": " ".join(filter(None, (_word(facts, "sent_id"), _word(facts, "form")))),
        "kept": "\n".join(filter(None, (_word(facts, key) for key in ("original", "wav", "spoken")))),
        "owed": ", ".join(_words(facts, "owed")),
        "bug at": "\n".join(_words(facts, "bug")),
    }


def _claims(story: Story) -> str:
    """Count the claims, and name those of which there is no step: what they did is known from the facts alone."""
    told = {step.fence for step in story.steps} | ({story.fence} if story.owner else set())
    silent = [str(number) for number in range(1, story.fence + 1) if number not in told]
    if not silent:
        return str(story.fence)
    return f"{story.fence}; no. {', '.join(silent)} told nothing: whoever had the memo died, or lost it"


def _steps(story: Story) -> Table:
    """Lay out what was done; under which claim, where there were several."""
    several = story.fence > 1
    columns = ("stage", "rung", Column("ms", justify="right"), Column("error", overflow="fold"))
    table = Table(*(("claim", *columns) if several else columns), box=None, padding=(0, 2), pad_edge=False)
    for step in story.steps:
        cells = (step.stage, step.rung or "", f"{step.seconds * 1000:.0f}", step.error or "")
        table.add_row(*((str(step.fence), *cells) if several else cells), style="red" if step.error else "")
    return table


def _word(facts: Mapping[str, JsonValue], name: str) -> str | None:
    value = facts.get(name)
    return str(value) if value else None


def _words(facts: Mapping[str, JsonValue], name: str) -> list[str]:
    value = facts.get(name)
    return [str(each) for each in value] if isinstance(value, list) else []


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="milliseconds")
