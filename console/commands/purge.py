"""`voicememo purge`: deletes what is older than it may be kept, or everything of one person."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click
from rich.text import Text

from console.errors import told
from console.exits import FAILED, MISUSED, end
from console.printing import printer
from consumer import variables
from consumer.archives import make_owed_archive
from consumer.disposal import Disposal, Fate, Kind
from consumer.forgetting import STAYS, Forgetting
from consumer.retention import DAY_SECONDS, Retention
from consumer.settings import load
from consumer.stores import make_store
from storage.errors import StorageError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from rich.console import Console

    from consumer.disposal import Doomed
    from consumer.settings import Settings
    from consumer.stores import Store
    from storage.owed import OwedArchive

_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator asked for."""

    person: str | None = field(repr=False)
    dry_run: bool
    limit: int
    as_json: bool


@dataclass(slots=True)
class Report:
    """What was found, and what became of it."""

    items: list[tuple[Doomed, Fate | None]] = field(default_factory=list)
    """None: it was only listed, or could not be deleted."""
    more: bool = False
    """Whether there is more than one run deletes."""
    failure: str | None = None
    """Why the run ended early."""
    scrubbed: bool = True
    """Whether no bytes of it are left in our own files."""

    @property
    def held(self) -> int:
        """How many somebody works on."""
        return sum(fate is Fate.HELD for _, fate in self.items)

    @property
    def well(self) -> bool:
        """Whether all that was found is gone, or is listed as asked."""
        return not self.held and self.failure is None and self.scrubbed


@dataclass(frozen=True, slots=True)
class _Run:
    """One run: how things are found, and how they are deleted."""

    find: Callable[[int], Awaitable[list[Doomed]]]
    delete: Disposal
    wish: Wish
    console: Console


@click.command(name="purge")
@click.option(
    "--person",
    help="Forget this person: a phone number such as +15550100123, or another handle; - reads it from input.",
)
@click.option("--dry-run", is_flag=True, help="List what would be deleted, and delete nothing.")
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(1, _MOST), help="Delete so many at most.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object a line; the last one sums up.")
def command(person: str | None, dry_run: bool, limit: int, as_json: bool) -> None:  # noqa: FBT001 (click passes flags so)
    """Delete recordings, replies, words and dead letters that are older than RETENTION_DAYS.

    Nothing of a memo that is not settled is deleted. That a memo was settled is known for LEDGER_DAYS, so that it is
    not answered again. With --person all that is of one person is deleted, however new, and memos that they sent before
    are not answered any more: docs/retention.md tells what stays.

    Run it every day. It may run beside workers, be cut off, and be run again. Exit status 1 when something could not be
    deleted: run it again.
    """
    wish = Wish(_handle(person) if person is not None else None, dry_run, limit, as_json)
    with told():
        report = asyncio.run(_purge(load(os.environ, complete=False), wish))
    (_tell_programs if as_json else _tell)(report, wish)
    if not report.well:
        raise click.exceptions.Exit(FAILED)


def _handle(given: str) -> str:
    """Take a person's handle; a number must have its country code, or it would be nobody's."""
    text = sys.stdin.readline().strip() if given == "-" else given.strip()
    if "@" in text:
        return text
    try:
        return variables.phone_number(text).get_secret_value()
    except ValueError as error:
        end(f"--person {error}; or an address such as somebody@example.com", MISUSED)


async def _purge(settings: Settings, wish: Wish) -> Report:
    async with _opened(settings) as (store, archive):
        if not wish.dry_run:
            await archive.check()  # a folder is cleared of what crashes left in it
        owner = f"purge-{socket.gethostname()}-{os.getpid()}"
        if wish.person is None:
            seconds = settings.retention_days * DAY_SECONDS
            retention = Retention(store.ledger, store.purging, archive, seconds, settings.ledger_days * DAY_SECONDS)
            run = _Run(retention.overdue, Disposal(store.purging, archive, owner, seconds), wish, printer())
        else:
            forgetting = Forgetting(
                store.ledger, store.purging, store.history, archive, wish.person, settings.person_key
            )
            if not wish.dry_run:
                await forgetting.remember_to_forget()
            run = _Run(forgetting.found, Disposal(store.purging, archive, owner, who=forgetting.who), wish, printer())
        report = await _done(run)
        if not wish.dry_run and (report.items or wish.person is not None):
            report.scrubbed = await _scrubbed(store)
        return report


async def _done(run: _Run) -> Report:
    """List and delete, until nothing new is found or the limit is reached: what was deleted may have hidden more."""
    report, limit = Report(), run.wish.limit
    while len(report.items) < limit and report.failure is None:
        seen = {(item.kind, item.name) for item, _ in report.items}
        found = [item for item in await run.find(limit + 1) if (item.kind, item.name) not in seen]
        room = limit - len(report.items)
        report.more = len(found) > room
        if run.wish.dry_run:
            report.items = [(item, None) for item in found[:room]]
            break
        if not found:
            break
        await _delete(run, found[:room], report)
    return report


async def _delete(run: _Run, found: Sequence[Doomed], report: Report) -> None:
    with run.console.status("") as status:
        for number, item in enumerate(found, start=1):
            status.update(f"{number} of {len(found)}")
            try:
                report.items.append((item, await run.delete(item)))
            except StorageError as error:
                report.items.append((item, None))
                report.failure = str(error)
                return


async def _scrubbed(store: Store) -> bool:
    try:
        return await store.purging.scrub()
    except StoreUnavailable:
        return False


def _tell(report: Report, wish: Wish) -> None:
    console = printer()
    if wish.dry_run:
        for item, _ in report.items:
            console.print(Text.assemble((f"{item.kind:<8}", "bold"), item.name))
            for key in item.objects if item.key is not None else ():
                console.print(Text(f"        {key}"))
    counted = Counter(item.kind for item, fate in report.items if wish.dry_run or fate is Fate.DELETED)
    what = ", ".join(f"{count} {_NAMES[kind][count > 1]}" for kind, count in counted.items())
    console.print(f"{'To be deleted' if wish.dry_run else 'Deleted'}: {what or 'nothing'}.")
    if report.more:
        console.print("More is left: run it again." if not wish.dry_run else "There is more: see --limit.")
    if wish.person is not None and not wish.dry_run and report.well and not report.more:
        console.print("Nothing of theirs is left here. What they sent before now is not answered any more. What stays:")
        for line in STAYS:
            console.print(Text(f"- {line}"))
    for line in _troubles(report):
        click.echo(f"voicememo: {line}", err=True)


_NAMES = {
    Kind.MEMO: ("memo", "memos"),
    Kind.OBJECT: ("object", "objects"),
    Kind.TURNS: ("conversation", "conversations"),
    Kind.LETTER: ("letter", "letters"),
    Kind.ROW: ("row", "rows"),
}
"""What one is called, and several."""


def _tell_programs(report: Report, wish: Wish) -> None:
    for item, fate in report.items:
        about = {"kind": item.kind, "name": item.name, "objects": list(item.objects)}
        click.echo(json.dumps({**about, "fate": fate or ("listed" if wish.dry_run else "failed")}))
    deleted = sum(fate is Fate.DELETED for _, fate in report.items)
    summary = {"found": len(report.items), "deleted": deleted, "held": report.held, "more": report.more}
    click.echo(json.dumps({**summary, "troubles": _troubles(report)}))


def _troubles(report: Report) -> list[str]:
    found = []
    if report.failure is not None:
        found.append(f"{report.failure}; run it again")
    if report.held:
        found.append(f"{report.held} memos are being worked on; run it again in some minutes")
    if not report.scrubbed:
        found.append("somebody is in the way of writing the store's file anew; run it again")
    return found


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Store, OwedArchive]]:
    """Open store and archive, with what is owed to it."""
    archive = make_owed_archive(settings)
    store = await asyncio.to_thread(make_store, settings)
    try:
        await store.open()
        yield store, archive
    finally:
        await store.close()
        await archive.close()
