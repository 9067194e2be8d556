"""`voicememo show`: a memo's story, from the ledger."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from console.errors import exit_on_errors
from console.exits import MISUSED, NO_SUCH_MEMO, exit_with
from console.memo_story import not_a_memo, print_story, standing
from console.printing import printer
from console.store import open_store
from consumer.settings import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.settings import Settings
    from storage.ledger import Story


@click.command(name="show")
@click.argument("message_id")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object per chat that has this message.")
def command(message_id: str, as_json: bool) -> None:  # noqa: FBT001 (click passes flags so)
    """Show the story of MESSAGE_ID: states, stages, rungs, times, words and errors.

    Reads the ledger that STORE_URL names. Workers take a memo again and again until it is settled: each time is a
    claim, and each step has its claim's number. Times are UTC. Exit status 3 when no memo has that id.
    """
    if not message_id:
        exit_with("Name the memo to show; `voicememo failed` lists those that wait.", MISUSED)
    with exit_on_errors():
        stories = asyncio.run(_find(load(os.environ, complete=False), message_id))
    if not stories:
        unknown = f"No memo has the id {message_id}. Is STORE_URL the worker's own?"
        explained = not_a_memo(message_id)
        exit_with(f"{message_id}: {explained}" if explained else unknown, NO_SUCH_MEMO)
    for story in stories:
        if as_json:
            click.echo(json.dumps({**asdict(story), "standing": standing(story)}, ensure_ascii=False))
        else:
            print_story(story, printer())


async def _find(settings: Settings, message_id: str) -> Sequence[Story]:
    async with open_store(settings) as store:
        return await store.ledger.find(message_id)
