"""`voicememo failed`: memos that failed or wait for another try, and events that cannot be read."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import click
from rich.table import Column, Table
from rich.text import Text

from console.memo_story import standing, tries, why
from console.printing import Entry, full_time, json_option, print_json, printer, short_time, short_wait
from console.store import read_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from storage.factory import Store
    from storage.ledger import DeadLetter, Story

_MOST = 10_000
_GAP = 2


class _Row(NamedTuple):
    """The columns, by their headings."""

    memo: str
    chat: str
    state: str
    reason: str
    received: str
    tries: str
    due: str


@click.command(name="failed")
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, _MOST), help="List at most this many of each kind."
)
@json_option(help="For programs: one JSON object a line.")
def command(limit: int, as_json: bool) -> None:  # noqa: FBT001 (click passes flags so)
    """List memos that failed, met a bug, or wait for another try or their turn; and events that are no memo.

    The newest come first. Workers take up what is parked. The rest waits for a person: `voicememo show MESSAGE_ID`
    shows a memo's story, `voicememo reprocess MESSAGE_ID` answers it. Neither knows an event that is no memo
    (TOPIC[PARTITION]@OFFSET): KAFKA_DEAD_LETTER_TOPIC has its bytes, and docs/operations.md describes what to do.
    Times are UTC, as month-day hour:minute. Exit status 0, whether or not anything is listed.
    """
    stories, letters = read_store(partial(_find, limit=limit))
    if as_json:
        for record in (*map(_memo, stories), *map(_event, letters)):
            print_json(record)
    else:
        _print(stories, letters, printer())


async def _find(store: Store, limit: int) -> tuple[Sequence[Story], list[DeadLetter]]:
    stories = await store.ledger.waiting(limit=limit)
    letters = await store.ledger.dead_letters(limit=_MOST)
    # The letters of memos are left out first, or many of them would hide what is no memo.
    return stories, [letter for letter in letters if letter.key is None][:limit]


def _memo(story: Story) -> dict[str, object]:
    return {
        "message_id": story.key.message_id,
        "chat_id": story.key.chat_id,
        "state": standing(story),
        "reason": story.reason,
        "received_at": full_time(story.received_at),
        "tries": tries(story),
        "due_at": full_time(story.due_at) if story.due_at is not None else None,
        "held_by": story.owner,
    }


def _event(letter: DeadLetter) -> dict[str, object]:
    received_at = full_time(letter.event.at)
    return {"event": _place(letter), "state": "dead", "reason": letter.reason, "received_at": received_at}


def _place(letter: DeadLetter) -> str:
    place = letter.event.place
    return f"{place.topic}[{place.partition}]@{place.offset}"


def _print(stories: Sequence[Story], letters: Sequence[DeadLetter], console: Console) -> None:
    """Print memos, then events. Nothing is cut or folded: people copy ids, and look reasons up."""
    if not stories and not letters:
        console.print("Nothing waits for a person.")
    if stories:
        _print_memos([_row(story, time.time()) for story in stories], console)
    if letters:
        if stories:
            console.print()
        events = Table(*("event that is no memo", "reason", "received"), box=None, padding=(0, _GAP, 0, 0))
        for letter in letters:
            events.add_row(*map(Text, (_place(letter), letter.reason, short_time(letter.event.at))), style="red")
        console.print(events)


def _row(story: Story, now: float) -> _Row:
    due = "" if story.due_at is None else short_wait(story.due_at - now)
    received, key = short_time(story.received_at), story.key
    return _Row(key.message_id, key.chat_id, standing(story), why(story) or "", received, str(tries(story)), due)


def _print_memos(rows: Sequence[_Row], console: Console) -> None:
    """Print a table, or two lines for each memo where the table would be wider than the terminal."""
    widths = [max(map(len, column)) for column in zip(_Row._fields, *rows, strict=True)]
    if sum(widths) + _GAP * (len(widths) - 1) > console.width:
        for row in rows:
            _print_entry(row, console)
        return
    table = Table(*(Column(name, justify="right" if name == "tries" else "left") for name in _Row._fields))
    table.box, table.padding = None, (0, _GAP, 0, 0)
    for row in rows:
        table.add_row(*map(Text, row), style=_style(row))
    console.print(table)


def _print_entry(row: _Row, console: Console) -> None:
    style, state = _style(row), ": ".join(filter(None, (row.state, row.reason)))
    about = f"chat {row.chat}  {row.received}  {row.tries} {'try' if row.tries == '1' else 'tries'}"
    due = f"  due {row.due}" if row.due else ""
    console.print(Entry(Text(row.memo, style), Text(state, style)), crop=False)
    console.print(Entry(Text(), Text(about + due), _GAP), crop=False)


def _style(row: _Row) -> str:
    return "yellow" if row.state == "parked" else "red"
