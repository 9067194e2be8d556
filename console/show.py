"""`voicememo show`: a memo's story, from the ledger."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.table import Column, Table
from rich.text import Text

from console.exits import NO_SUCH_MEMO, end, told
from console.printing import printer
from consumer.settings import load
from storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from consumer.settings import Settings
    from storage.ledger import Story


@click.command(name="show")
@click.argument("message_id")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object per chat that has this message.")
def command(message_id: str, as_json: bool) -> None:  # noqa: FBT001 (click passes flags so)
    """Tell the story of MESSAGE_ID: its states, stages, rungs, times, words and errors.

    Reads the ledger that STORE_URL names. Exit status 3 when no memo has that id.
    """
    with told():
        stories = asyncio.run(find(load(os.environ, complete=False), message_id))
    if not stories:
        end(f"No memo has the id {message_id}. Is STORE_URL the worker's own?", NO_SUCH_MEMO)
    for story in stories:
        if as_json:
            click.echo(json.dumps(asdict(story), ensure_ascii=False))
        else:
            tell(story, printer())


async def find(settings: Settings, message_id: str) -> Sequence[Story]:
    """Look a memo up. Raises StoreUnavailable."""
    store = SqliteStore(settings.store_url.path)
    await store.open()
    try:
        return await store.ledger.find(message_id)
    finally:
        await store.close()


def tell(story: Story, console: Console) -> None:
    """Print a story."""
    facts = story.facts
    head = Table.grid(padding=(0, 2))
    rows = {
        "memo": f"{story.key.message_id} in chat {story.key.chat_id}",
        "state": story.state.value + (f" ({story.reason})" if story.reason else ""),
        "received": _time(story.received_at),
        "settled": _time(story.settled_at) if story.settled_at else "not yet",
        "claims": str(story.fence),
        "heard": facts.get("transcript"),
        "language": facts.get("language"),
        "replied": facts.get("said") or facts.get("reply"),
        "sent as": facts.get("sent_id"),
        "kept": "\n".join(str(facts[key]) for key in ("original", "wav", "spoken") if key in facts),
        "owed": ", ".join(map(str, owed)) if isinstance(owed := facts.get("owed"), list) else None,
    }
    for name, value in rows.items():
        if value:
            head.add_row(Text(name, style="bold"), Text(str(value)))
    console.print(head)
    steps = Table("stage", "rung", Column("ms", justify="right"), "error", box=None, padding=(0, 2), pad_edge=False)
    for step in story.steps:
        style = "red" if step.error else ""
        steps.add_row(
            step.stage,
            step.rung or "",
            Text(f"{step.seconds * 1000:.0f}", justify="right"),
            step.error or "",
            style=style,
        )
    console.print(steps)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="milliseconds")
