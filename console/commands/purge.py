"""`voicememo purge`: delete old data, or everything of one person."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import click
from rich.text import Text

from console.errors import exit_on_errors
from console.exits import FAILED, MISUSED, exit_with
from console.printing import print_json, printer
from consumer.settings import load
from runtime.settings.kinds import phone_number
from storage.deletion.forgetting import NOT_DELETED, Forgetting
from storage.deletion.items import Deleter, DeletionKind, DeletionResult
from storage.deletion.retention import DAY_SECONDS, Retention
from storage.errors import StorageError, StoreUnavailable
from storage.factory import make_retrying_archive, make_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from consumer.settings import Settings
    from storage.archives.retrying import RetryingArchive
    from storage.deletion.items import Deletion
    from storage.factory import Store

    _Search: TypeAlias = Callable[[int], Awaitable[list[Deletion]]]

_MOST = 100_000
_NAMES = {
    DeletionKind.MEMO: ("memo", "memos"),
    DeletionKind.OBJECT: ("object", "objects"),
    DeletionKind.TURNS: ("conversation", "conversations"),
    DeletionKind.DEAD_LETTER: ("dead letter", "dead letters"),
    DeletionKind.ROW: ("row", "rows"),
}


@dataclass(frozen=True, slots=True)
class PurgeRequest:
    """Options of the command."""

    person: str | None = field(repr=False)
    dry_run: bool
    limit: int


@dataclass(slots=True)
class PurgeReport:
    """Items of a run, and its result."""

    items: list[tuple[Deletion, DeletionResult | None]] = field(default_factory=list)
    """Deletions and their results; None: only listed, or not deleted."""
    more: bool = False
    failure: str | None = None
    scrubbed: bool = True
    """Whether deleted bytes are gone from our own files."""

    @property
    def held(self) -> int:
        """Number of items that are being worked on."""
        return sum(result is DeletionResult.HELD for _, result in self.items)

    @property
    def succeeded(self) -> bool:
        """Whether everything found was deleted, or only listed."""
        return not self.held and self.failure is None and self.scrubbed


@click.command(name="purge")
@click.option(
    "--person",
    help="Forget this person: a phone number such as +15550100123, or another handle; - reads it from input.",
)
@click.option("--dry-run", is_flag=True, help="List what would be deleted, and delete nothing.")
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(1, _MOST), help="Delete so many at most.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object a line; the last one sums up.")
def command(person: str | None, dry_run: bool, limit: int, as_json: bool) -> None:  # noqa: FBT001 (click passes flags so)
    """Delete recordings, replies, transcripts and dead letters that are older than RETENTION_DAYS.

    Memos that are not settled are left alone. The ledger remembers for LEDGER_DAYS that a memo was settled, so that it
    is not answered again. With --person everything of one person is deleted, however new, and memos that they sent
    before now are not answered any more; docs/retention.md lists what stays.

    Run it every day. It may run alongside workers, be interrupted, and be run again. Exit status 1 when something could
    not be deleted: run it again.
    """
    request = PurgeRequest(_handle(person) if person is not None else None, dry_run, limit)
    with exit_on_errors():
        report = asyncio.run(_purge(load(os.environ, complete=False), request))
    (_print_json if as_json else _print_text)(report, request)
    if not report.succeeded:
        raise click.exceptions.Exit(FAILED)


def _handle(given: str) -> str:
    """Parse a handle; a number without its country code would match no one."""
    text = sys.stdin.readline().strip() if given == "-" else given.strip()
    if "@" in text:
        return text
    try:
        return phone_number(text)
    except ValueError as error:
        exit_with(f"--person {error}; or an address such as somebody@example.com", MISUSED)


async def _purge(settings: Settings, request: PurgeRequest) -> PurgeReport:
    async with _opened(settings) as (store, archive):
        if not request.dry_run:
            await archive.check()  # removes what crashes left in a folder
        report = await _run(request, *await _planned(settings, request, store, archive))
        if not request.dry_run and (report.items or request.person is not None):
            try:
                report.scrubbed = await store.purging.scrub()
            except StoreUnavailable:
                report.scrubbed = False
        return report


async def _planned(
    settings: Settings, request: PurgeRequest, store: Store, archive: RetryingArchive
) -> tuple[_Search, Deleter]:
    owner = f"purge-{socket.gethostname()}-{os.getpid()}"
    if request.person is None:
        seconds = settings.retention.retention_days * DAY_SECONDS
        rows_seconds = settings.retention.ledger_days * DAY_SECONDS
        retention = Retention(store.ledger, store.purging, archive, seconds, rows_seconds)
        return retention.overdue, Deleter(store.purging, archive, owner, seconds)
    forgetting = Forgetting(store.ledger, store.purging, store.history, archive, request.person, settings.person_key)
    if not request.dry_run:
        await forgetting.block_late_events()
    return forgetting.items, Deleter(store.purging, archive, owner, who=forgetting.who)


async def _run(request: PurgeRequest, search: _Search, delete: Deleter) -> PurgeReport:
    """List and delete until nothing new is found or the limit is reached: deletions may uncover more."""
    report = PurgeReport()
    while len(report.items) < request.limit and report.failure is None:
        seen = {(item.kind, item.name) for item, _ in report.items}
        found = [item for item in await search(request.limit + 1) if (item.kind, item.name) not in seen]
        room = request.limit - len(report.items)
        report.more = len(found) > room
        if request.dry_run:
            report.items = [(item, None) for item in found[:room]]
            break
        if not found:
            break
        await _delete(found[:room], delete, report)
    return report


async def _delete(items: Sequence[Deletion], delete: Deleter, report: PurgeReport) -> None:
    with printer().status("") as status:
        for number, item in enumerate(items, start=1):
            status.update(f"{number} of {len(items)}")
            try:
                report.items.append((item, await delete(item)))
            except StorageError as error:
                report.items.append((item, None))
                report.failure = str(error)
                return


def _print_text(report: PurgeReport, request: PurgeRequest) -> None:
    console = printer()
    if request.dry_run:
        for item, _ in report.items:
            console.print(Text.assemble((f"{item.kind:<8}", "bold"), item.name))
            for key in item.objects if item.key is not None else ():
                console.print(Text(f"        {key}"))
    counted = Counter(item.kind for item, result in report.items if request.dry_run or result is DeletionResult.DELETED)
    what = ", ".join(f"{count} {_NAMES[kind][count > 1]}" for kind, count in counted.items())
    console.print(f"{'To be deleted' if request.dry_run else 'Deleted'}: {what or 'nothing'}.")
    if report.more:
        console.print("More is left: run purge again." if not request.dry_run else "There is more: see --limit.")
    if request.person is not None and not request.dry_run and report.succeeded and not report.more:
        console.print("Nothing of theirs is left here. What they sent before now is not answered any more. What stays:")
        for line in NOT_DELETED:
            console.print(Text(f"- {line}"))
    for line in _troubles(report):
        click.echo(f"voicememo: {line}", err=True)


def _print_json(report: PurgeReport, request: PurgeRequest) -> None:
    for item, result in report.items:
        about = {"kind": item.kind, "name": item.name, "objects": list(item.objects)}
        print_json({**about, "fate": result or ("listed" if request.dry_run else "failed")})
    deleted = sum(result is DeletionResult.DELETED for _, result in report.items)
    summary = {"found": len(report.items), "deleted": deleted, "held": report.held, "more": report.more}
    print_json({**summary, "troubles": _troubles(report)})


def _troubles(report: PurgeReport) -> list[str]:
    troubles = []
    if report.failure is not None:
        troubles.append(f"{report.failure}; run purge again")
    if report.held:
        troubles.append(f"{report.held} memos are being worked on; run purge again in some minutes")
    if not report.scrubbed:
        troubles.append("the database is locked by another process; run purge again")
    return troubles


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Store, RetryingArchive]]:
    archive = make_retrying_archive(settings.archive)
    store = await asyncio.to_thread(make_store, settings.store)
    try:
        await store.open()
        yield store, archive
    finally:
        await store.close()
        await archive.close()
