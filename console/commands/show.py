"""`voicememo show`: a memo's story, from the ledger."""

from __future__ import annotations

from dataclasses import asdict

import click

from console.exits import MISUSED, NO_SUCH_MEMO, exit_with
from console.memo_story import not_a_memo, print_story, standing
from console.printing import json_option, print_json, printer
from console.store import read_store


@click.command(name="show")
@click.argument("message_id")
@json_option(help="For programs: one JSON object per chat that has this message.")
def command(message_id: str, as_json: bool) -> None:  # noqa: FBT001 (click passes flags so)
    """Show the story of MESSAGE_ID: states, stages, rungs, times, words and errors.

    Reads the ledger that STORE_URL names. Workers take a memo again and again until it is settled: each time is a
    claim, and each step has its claim's number. Times are UTC. Exit status 3 when no memo has that id.
    """
    if not message_id:
        exit_with("Name the memo to show; `voicememo failed` lists those that wait.", MISUSED)
    stories = read_store(lambda store: store.ledger.find(message_id))
    if not stories:
        unknown = f"No memo has the id {message_id}. Is STORE_URL the worker's own?"
        explained = not_a_memo(message_id)
        exit_with(f"{message_id}: {explained}" if explained else unknown, NO_SUCH_MEMO)
    for story in stories:
        if as_json:
            print_json({**asdict(story), "standing": standing(story)})
        else:
            print_story(story, printer())
