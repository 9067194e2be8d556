"""`voicememo reprocess`: answers failed memos now, from ledger and archive; Kafka is not asked for anything."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
from rich.text import Text

from console.commands.show import of_no_memo, standing
from console.exits import ALREADY_ANSWERED, FAILED, MISUSED, NO_SUCH_MEMO, end, told
from console.printing import printer
from consumer import wiring
from consumer.bugs import TooManyBugs
from consumer.dead_letters import KafkaDeadLetters
from consumer.importing import imported
from consumer.login import login_of
from consumer.notices import Notices
from consumer.outbox import Outbox
from consumer.publisher import KafkaPublisher
from consumer.resume import Restart, facts_to_drop
from consumer.settings import load
from consumer.stores import make_store
from storage.errors import Fenced
from storage.ledger import Held, Settled, State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from rich.console import Console

    from consumer.handler import Handler
    from consumer.settings import Settings
    from storage.ledger import Ledger, MemoKey

_MOST = 10_000
_FOR_US = frozenset({"failed", "dead", "interrupted"})
"""Where a memo stands that no worker will take up by itself."""
_GOOD = frozenset({State.ANSWERED, State.APOLOGISED, State.IGNORED})


@dataclass(frozen=True, slots=True)
class Ending:
    """How the reprocessing of one memo ended."""

    message_id: str
    chat_id: str | None
    outcome: str
    """A state, or held, fenced, unknown, already-…"""
    status: int
    words: str
    reason: str | None = None
    """Why it failed: a constant word."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator asked for."""

    restart: Restart | None
    again: bool
    per_second: float | None
    as_json: bool


@click.command(name="reprocess")
@click.argument("message_ids", nargs=-1)
@click.option(
    "--all", "every", is_flag=True, help="Every memo that failed, met a bug or was interrupted, the oldest first."
)
@click.option(
    "--from",
    "restart",
    type=click.Choice([each.value for each in Restart]),
    help="Do this stage and those after it again; without, what was gained so far is used.",
)
@click.option("--again", is_flag=True, help="Send one more reply, whatever may have been sent before.")
@click.option("--rate", "per_second", type=click.FloatRange(min=0.01), help="With many: at most so many a second.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object per memo.")
def command(  # noqa: PLR0917 (click passes them all)
    message_ids: tuple[str, ...],
    every: bool,  # noqa: FBT001 (click passes flags so)
    restart: str | None,
    again: bool,  # noqa: FBT001
    per_second: float | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Answer the memos MESSAGE_ID... now, though Kafka may have forgotten them long ago.

    Safe beside running workers: a memo that one of them holds is refused, and one whose reply may be out is looked for
    in its chat first. Should this be interrupted, workers go on with the memo, or `voicememo failed` lists it. Exit
    status: 1 when one could not be answered, 3 when there is no such memo, 4 when one is answered already (--again to
    send one more reply).
    """
    if every and message_ids:
        end("Name the memos to reprocess, or give --all: one or the other.", MISUSED)
    if not every and not all(message_ids or [""]):
        end("Name the memos to reprocess, or give --all; `voicememo failed` lists them.", MISUSED)
    wish = Wish(Restart(restart) if restart else None, again, per_second, as_json)
    with told():
        endings = asyncio.run(_run(load(os.environ), message_ids, wish))
    if not endings and not as_json:
        click.echo("Nothing waits to be reprocessed.")
    if worst := _worst(endings):
        raise click.exceptions.Exit(worst)


async def _run(settings: Settings, message_ids: Sequence[str], wish: Wish) -> list[Ending]:
    console = printer()
    endings = []
    async with _handler(settings) as handler:
        targets = [(each, None) for each in message_ids] or await _failed(handler.ledger)
        for number, (message_id, key) in enumerate(targets, start=1):
            with console.status(Text(f"{number} of {len(targets)}: {message_id}")):
                ended = await _reprocessed(handler, message_id, key, wish)
            for each in ended:
                _tell(each, console, as_json=wish.as_json)
            endings += ended
            if wish.per_second and number < len(targets):
                await asyncio.sleep(1 / wish.per_second)
    return endings


async def _failed(ledger: Ledger) -> list[tuple[str, MemoKey | None]]:
    stories = [story for story in await ledger.waiting(limit=_MOST) if standing(story) in _FOR_US]
    return [(story.key.message_id, story.key) for story in sorted(stories, key=lambda each: each.received_at)]


async def _reprocessed(handler: Handler, message_id: str, key: MemoKey | None, wish: Wish) -> list[Ending]:
    if key is not None:
        return [await _one(handler, key, wish)]
    stories = await handler.ledger.find(message_id)
    if not stories:
        words = of_no_memo(message_id) or "no memo has this id; is STORE_URL the worker's own?"
        return [Ending(message_id, None, "unknown", NO_SUCH_MEMO, words)]
    return [await _one(handler, each.key, wish) if each.purged_at is None else _purged(each.key) for each in stories]


def _purged(key: MemoKey) -> Ending:
    words = "nothing is left of it: it was too old, or its person was forgotten"
    return Ending(key.message_id, key.chat_id, "purged", NO_SUCH_MEMO, words)


async def _one(handler: Handler, key: MemoKey, wish: Wish) -> Ending:
    without = facts_to_drop(wish.restart, again=wish.again)
    try:
        answer = await handler.revive(key, without=without, again=wish.again)
    except Fenced:
        return Ending(key.message_id, key.chat_id, "fenced", FAILED, "another worker has taken it meanwhile")
    except TooManyBugs:
        return Ending(key.message_id, key.chat_id, "dead", FAILED, "it met a bug; see `voicememo show`")
    match answer:
        case Held(owner, seconds_left):
            words = f"{owner} holds it, for {seconds_left:.0f} s at least; try again then"
            return Ending(key.message_id, key.chat_id, "held", FAILED, words)
        case Settled(state):
            words = f"{state} already; --again sends one more reply"
            return Ending(key.message_id, key.chat_id, f"already-{state}", ALREADY_ANSWERED, words)
    if answer in _GOOD:
        return Ending(key.message_id, key.chat_id, answer.value, 0, answer.value)
    reason = await _reason(handler.ledger, key)
    words = f"{answer}{f' ({reason})' if reason else ''}; `voicememo show {key.message_id}` tells more"
    return Ending(key.message_id, key.chat_id, answer.value, FAILED, words, reason)


async def _reason(ledger: Ledger, key: MemoKey) -> str | None:
    return next((story.reason for story in await ledger.find(key.message_id) if story.key == key), None)


def _worst(endings: Sequence[Ending]) -> int:
    statuses = {ending.status for ending in endings}
    return next((status for status in (FAILED, NO_SUCH_MEMO, ALREADY_ANSWERED) if status in statuses), 0)


def _tell(ending: Ending, console: Console, *, as_json: bool) -> None:
    if as_json:
        told_ = {"message_id": ending.message_id, "chat_id": ending.chat_id, "outcome": ending.outcome}
        click.echo(json.dumps({**told_, "reason": ending.reason, "words": ending.words}))
        return
    console.print(Text.assemble((ending.message_id, "bold"), f"  {ending.words}"))


@asynccontextmanager
async def _handler(settings: Settings) -> AsyncIterator[Handler]:
    """Put a handler together as a worker has it; dead letters that it writes are published by the workers."""
    # The vendors' SDKs take a second: not for --help, and not for a word about wrong usage.
    parts = imported("consumer.parts")
    made = parts.make_parts(settings)
    store = make_store(settings)
    publisher = KafkaPublisher(login_of(settings))
    try:
        await store.open()
        outbox = Outbox(store.ledger, KafkaDeadLetters(publisher, settings.kafka_dead_letter_topic))
        pipeline = parts.make_pipeline(settings, made, store.history)
        yield wiring.make_handler(settings, pipeline, store.ledger, outbox, Notices())
    finally:
        await publisher.close()
        await store.close()
        await made.close()
