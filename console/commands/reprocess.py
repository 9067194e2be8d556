"""`voicememo reprocess`: answer failed memos now, from ledger and archive; Kafka is not needed."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

import click
from rich.text import Text

from console.errors import exit_on_errors
from console.exits import ALREADY_ANSWERED, FAILED, MISUSED, NO_SUCH_MEMO, exit_with
from console.memo_story import not_a_memo, standing
from console.printing import Entry, json_option, print_json, printer, refuse_nan
from console.store import open_store
from consumer import wiring
from consumer.handling.bug_limit import TooManyBugs
from consumer.handling.outbox import Outbox
from consumer.kafka.dead_letters import KafkaDeadLetters
from consumer.kafka.publisher import KafkaPublisher
from consumer.memo.checkpoint import Restart, facts_to_drop
from consumer.notices import Notices
from consumer.settings import load
from runtime.garbage import import_without_gc
from storage.errors import Fenced
from storage.ledger import Held, Settled
from storage.states import State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from rich.console import Console

    from consumer.handling.handler import Handler
    from consumer.settings import Settings
    from storage.ledger import Ledger, MemoKey

_MOST = 10_000
_STUCK = frozenset({"failed", "dead", "interrupted"})  # standings of memos that no worker will take up by itself
_GOOD = frozenset({State.ANSWERED, State.APOLOGISED, State.IGNORED})


@dataclass(frozen=True, slots=True)
class Ending:
    """How the reprocessing of one memo ended; the fields are those of --json, without its status."""

    message_id: str
    chat_id: str | None
    outcome: str  # a state, or held, fenced, unknown, purged, already-…
    status: int
    words: str
    reason: str | None = None  # why it failed: a constant word


@dataclass(frozen=True, slots=True)
class ReprocessOptions:
    """The command's options."""

    restart: Restart | None
    again: bool
    per_second: float | None
    as_json: bool


@click.command(name="reprocess")
@click.argument("message_ids", nargs=-1)
@click.option(
    "--all", "every", is_flag=True, help="Every memo that failed, met a bug or was interrupted; the oldest first."
)
@click.option(
    "--from",
    "restart",
    type=click.Choice([each.value for each in Restart]),
    help="Do this stage and those after it again, and pay for them; by default earlier results are used.",
)
@click.option("--again", is_flag=True, help="Send one more reply, whatever was sent before.")
@click.option(
    "--rate",
    "per_second",
    type=click.FloatRange(min=0.01),
    callback=refuse_nan,
    help="Take at most this many memos a second.",
)
@json_option(help="For programs: one JSON object per memo.")
def command(  # noqa: PLR0917 (click passes them all)
    message_ids: tuple[str, ...],
    every: bool,  # noqa: FBT001 (click passes flags so)
    restart: str | None,
    again: bool,  # noqa: FBT001
    per_second: float | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Answer the memos MESSAGE_ID... now, from ledger and archive, even if Kafka has forgotten them.

    Safe alongside running workers: a memo that a worker holds is refused, and where a reply may be out its chat is
    searched first. If this is interrupted, a worker goes on with the memo, or `voicememo failed` lists it. Exit
    status: 1 when a memo could not be answered, 3 when there is no such memo, 4 when one is answered already (--again
    sends one more reply).
    """
    if every and message_ids:
        exit_with("Name the memos to reprocess, or give --all: one or the other.", MISUSED)
    if not every and not all(message_ids or [""]):
        exit_with("Name the memos to reprocess, or give --all; `voicememo failed` lists them.", MISUSED)
    options = ReprocessOptions(Restart(restart) if restart else None, again, per_second, as_json)
    with exit_on_errors():
        endings = asyncio.run(_run(load(os.environ), message_ids, options))
    if not endings and not as_json:
        click.echo("Nothing waits to be reprocessed.")
    if failures := {each.status for each in endings} - {0}:
        raise click.exceptions.Exit(min(failures))


async def _run(settings: Settings, message_ids: Sequence[str], options: ReprocessOptions) -> list[Ending]:
    console = printer()
    endings = []
    async with _handler(settings) as handler:
        targets = [(each, None) for each in message_ids] or await _failed(handler.ledger)
        for number, (message_id, key) in enumerate(targets, start=1):
            progress = Text(f"{number} of {len(targets)}: {message_id}")
            with nullcontext() if options.as_json else console.status(progress):
                ended = await _reprocess(handler, message_id, key, options)
            for each in ended:
                _print(each, console, as_json=options.as_json)
            endings += ended
            if options.per_second and number < len(targets):
                await asyncio.sleep(1 / options.per_second)
    return endings


async def _failed(ledger: Ledger) -> list[tuple[str, MemoKey | None]]:
    stories = [story for story in await ledger.waiting(limit=_MOST) if standing(story) in _STUCK]
    return [(story.key.message_id, story.key) for story in sorted(stories, key=lambda each: each.received_at)]


async def _reprocess(handler: Handler, message_id: str, key: MemoKey | None, options: ReprocessOptions) -> list[Ending]:
    if key is not None:
        return [await _one(handler, key, options)]
    stories = await handler.ledger.find(message_id)
    if not stories:
        words = not_a_memo(message_id) or "no memo has this id; is STORE_URL the worker's own?"
        return [Ending(message_id, None, "unknown", NO_SUCH_MEMO, words)]
    words = "nothing is left of it: it was too old, or its person was forgotten"
    return [
        Ending(message_id, each.key.chat_id, "purged", NO_SUCH_MEMO, words)
        if each.purged_at is not None
        else await _one(handler, each.key, options)
        for each in stories
    ]


async def _one(handler: Handler, key: MemoKey, options: ReprocessOptions) -> Ending:
    ending = partial(Ending, key.message_id, key.chat_id)
    without = facts_to_drop(options.restart, again=options.again)
    try:
        answer = await handler.revive(key, without=without, again=options.again)
    except Fenced:
        return ending("fenced", FAILED, "another worker has taken it meanwhile; `voicememo show` tells how it ends")
    except TooManyBugs:
        return ending("dead", FAILED, "it met a bug; see `voicememo show`")
    match answer:
        case Held(owner, seconds_left):
            return ending("held", FAILED, f"{owner} holds it, for {seconds_left:.0f} s at least; try again then")
        case Settled(state):
            return ending(f"already-{state}", ALREADY_ANSWERED, f"{state} already; --again sends one more reply")
    if answer in _GOOD:
        return ending(answer.value, 0, answer.value)
    reason = next((each.reason for each in await handler.ledger.find(key.message_id) if each.key == key), None)
    words = f"{answer}{f' ({reason})' if reason else ''}; `voicememo show {key.message_id}` tells more"
    return ending(answer.value, FAILED, words, reason)


def _print(ending: Ending, console: Console, *, as_json: bool) -> None:
    if as_json:
        print_json({name: value for name, value in asdict(ending).items() if name != "status"})
        return
    console.print(Entry(Text(ending.message_id, "bold"), Text(ending.words)), crop=False)


@asynccontextmanager
async def _handler(settings: Settings) -> AsyncIterator[Handler]:
    """Make a handler as a worker has it; workers publish the dead letters that it writes."""
    # The vendors' SDKs take a second: not for --help, and not to report wrong usage.
    parts = import_without_gc("consumer.pipeline_wiring")
    made = parts.make_parts(settings)
    publisher = KafkaPublisher(settings.kafka.login())
    try:
        async with open_store(settings) as store:
            outbox = Outbox(store.ledger, KafkaDeadLetters(publisher, settings.kafka.dead_letter_topic))
            pipeline = parts.make_pipeline(settings, made, store.history)
            yield wiring.make_handler(settings, pipeline, store.ledger, outbox, Notices())
    finally:
        await publisher.close()
        await made.close()
