"""`voicememo failed`: what waits for a person, and what waits for another try."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.table import Column, Table
from rich.text import Text

from console.commands.show import standing, tries, why
from console.exits import told
from console.printing import printer
from consumer.settings import load
from consumer.stores import make_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from consumer.settings import Settings
    from storage.ledger import DeadLetter, Story

_MOST = 10_000
_HEADINGS = ("memo or event", "chat", "state", "reason", "received", "tries", "due")
_COLUMNS = ("chat_id", "state", "reason", "received_at", "tries", "due_at")


@click.command(name="failed")
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, _MOST), help="The newest so many of each."
)
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object a line.")
def command(limit: int, as_json: bool) -> None:  # noqa: FBT001 (click passes flags so)
    """List memos that failed or met a bug, that wait for another try or their turn, and events that are no memo.

    Workers look after what is parked. The rest waits for a person: `voicememo show` tells a memo's story, `voicememo
    reprocess` answers it. Neither knows an event that is no memo (TOPIC[PARTITION]@OFFSET): KAFKA_DEAD_LETTER_TOPIC has
    its bytes, and docs/operations.md tells what can be done with them. Times are UTC. Exit status 0, whether or not
    there is anything.
    """
    with told():
        stories, letters = asyncio.run(_find(load(os.environ, complete=False), limit))
    if as_json:
        for told_ in (*map(_memo, stories), *map(_event, letters)):
            click.echo(json.dumps(told_))
    else:
        _print(stories, letters, printer())


async def _find(settings: Settings, limit: int) -> tuple[Sequence[Story], list[DeadLetter]]:
    store = make_store(settings)
    await store.open()
    try:
        stories = await store.ledger.waiting(limit=limit)
        letters = await store.ledger.dead_letters(limit=_MOST)
    finally:
        await store.close()
    # The letters of memos are left out first, or many of them would hide what is no memo.
    return stories, [letter for letter in letters if letter.key is None][:limit]


def _memo(story: Story) -> dict[str, object]:
    return {
        "message_id": story.key.message_id,
        "chat_id": story.key.chat_id,
        "state": standing(story),
        "reason": story.reason,
        "received_at": _time(story.received_at),
        "tries": tries(story),
        "due_at": _time(story.due_at) if story.due_at is not None else None,
        "held_by": story.owner,
    }


def _event(letter: DeadLetter) -> dict[str, object]:
    place = letter.event.place
    return {
        "event": f"{place.topic}[{place.partition}]@{place.offset}",
        "state": "dead",
        "reason": letter.reason,
        "received_at": _time(letter.event.at),
    }


def _print(stories: Sequence[Story], letters: Sequence[DeadLetter], console: Console) -> None:
    """Lay out what waits. Ids are copied by people: they have up to half of the width, and nothing is cut."""
    if not stories and not letters:
        console.print("Nothing waits for a person.")
        return
    first, *others = (Column(name, overflow="fold") for name in _HEADINGS)
    table = Table(first, *others, box=None, pad_edge=False)
    for told_ in (*({**_memo(each), "reason": why(each)} for each in stories), *map(_event, letters)):
        style = "yellow" if told_["state"] == "parked" else "red"
        name = Text(_cell(told_.get("message_id") or told_["event"]))
        first.width = min(max(first.width or len(_HEADINGS[0]), name.cell_len), console.width // 2)
        table.add_row(name, *(Text(_cell(told_.get(each))) for each in _COLUMNS), style=style)
    console.print(table)


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="seconds")
