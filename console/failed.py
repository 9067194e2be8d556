"""`voicememo failed`: what waits for a person, and what waits for another try."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from console.exits import told
from console.printing import printer
from consumer.settings import load
from storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from consumer.settings import Settings
    from storage.ledger import DeadLetter, Story


@click.command(name="failed")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object a line.")
def command(limit: int, as_json: bool) -> None:  # noqa: FBT001 (click passes flags so)
    """List memos that have failed or met a bug, memos that wait for another try, and events that are no memo.

    `voicememo show` tells a memo's story, `voicememo reprocess` answers it.
    """
    with told():
        stories, letters = asyncio.run(_find(load(os.environ, complete=False), limit))
    if as_json:
        for told_ in (*map(_memo, stories), *map(_event, letters)):
            click.echo(json.dumps(told_))
    else:
        _print(stories, letters, printer())


async def _find(settings: Settings, limit: int) -> tuple[Sequence[Story], list[DeadLetter]]:
    store = SqliteStore(settings.store_url.path)
    await store.open()
    try:
        stories = await store.ledger.waiting(limit=limit)
        letters = await store.ledger.dead_letters(limit=limit)
    finally:
        await store.close()
    return stories, [letter for letter in letters if letter.key is None]


def _memo(story: Story) -> dict[str, object]:
    return {
        "message_id": story.key.message_id,
        "chat_id": story.key.chat_id,
        "state": story.state.value if story.due_at is None else "parked",
        "reason": story.reason,
        "received_at": _time(story.received_at),
        "tries": story.tries,
        "due_at": _time(story.due_at) if story.due_at is not None else None,
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
    if not stories and not letters:
        console.print("Nothing waits for a person.")
        return
    table = Table("memo or event", "chat", "state", "reason", "received", "tries", "due", box=None, pad_edge=False)
    for told_ in (*map(_memo, stories), *map(_event, letters)):
        style = "yellow" if told_["state"] == "parked" else "red"
        columns = ("chat_id", "state", "reason", "received_at", "tries", "due_at")
        cells = [str(told_.get("message_id") or told_["event"]), *(_cell(told_.get(each)) for each in columns)]
        table.add_row(*(Text(cell) for cell in cells), style=style)
    console.print(table)


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="seconds")
