"""`voicememo replay`: put fixture events, or recordings, on the topic, and follow each to its end."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from console import fixture
from console.errors import exit_on_errors
from console.exits import FAILED, MISUSED, exit_with
from console.follow import EventOutcome, follow
from console.memo_story import print_story
from console.printing import Entry, json_option, print_json, printer, refuse_nan
from console.store import open_store
from consumer.events.parse import VoiceMemo, parse
from consumer.kafka.publisher import KafkaPublisher
from consumer.settings import load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from rich.console import Console

    from consumer.kafka.ports import Partition
    from consumer.settings import Settings
    from storage.ledger import Ledger

_PERSON = "+15550100001"
_GOOD = frozenset({"answered", "apologised", "ignored"})
_MOST_PATIENT_SECONDS = 86_400.0
_STORE_SECONDS = 15.0  # how long a store may be missing: a worker that has just been started makes it in a moment


@dataclass(frozen=True, slots=True)
class Put:
    """An event on the topic."""

    path: Path
    value: bytes
    where: Partition
    offset: int


@click.command(name="replay")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--wait", is_flag=True, help="Follow each event to its end in the ledger (STORE_URL).")
@click.option(
    "--patience",
    default=120.0,
    show_default=True,
    type=click.FloatRange(0, _MOST_PATIENT_SECONDS, min_open=True),
    callback=refuse_nan,
    metavar="SECONDS",
    help="With --wait: follow each event for at most this long.",
)
@click.option("--chat", default=None, help="Put recordings into this chat; by default into a new one for each call.")
@json_option(help="For programs: one JSON object per event.")
def command(paths: tuple[Path, ...], wait: bool, patience: float, chat: str | None, as_json: bool) -> None:  # noqa: FBT001 (click passes flags so)
    """Put events on KAFKA_TOPIC at KAFKA_BOOTSTRAP_SERVERS.

    PATHS are event files (.json, or .bin for raw bytes), recordings, which are wrapped in an event, or folders of both.
    In events, ${SERIES_API_URL} and "${base64:FILE}" are filled in. If one file cannot be read, nothing is put. Exit
    status 1 when an event did not end well.
    """
    with exit_on_errors():
        settings = load(os.environ, complete=False)
        try:
            files = [file for path in paths for file in _files(path)]
            values = [event_of(file, settings, chat or f"replay-{time.time_ns():x}") for file in files]
        except fixture.FixtureError as error:
            exit_with(f"voicememo: {error}", MISUSED)
        if not files:
            exit_with("Nothing to replay: no file in there is an event or a recording.", MISUSED)
        replay = _Replay(settings, printer(), patience if wait else None, as_json)
        asyncio.run(replay.run(list(zip(files, values, strict=True))))
    if any(each.outcome not in _GOOD for each in replay.ended):
        raise click.exceptions.Exit(FAILED)


def event_of(path: Path, settings: Settings, chat_id: str) -> bytes:
    """Read an event, or wrap a recording in one. Raises FixtureError."""
    if fixture.kind_of(path) is not fixture.FileKind.RECORDING:
        return fixture.load(path, series_api_url=settings.messaging.url or "")
    message_id = f"{path.stem}-{time.time_ns():x}"
    return fixture.wrap(path, chat_id=chat_id, message_id=message_id, person=_PERSON)


async def put(publisher: KafkaPublisher, topic: str, path: Path, value: bytes) -> Put:
    """Put one event on the topic, keyed by its chat so that a chat stays in one partition. Raises SourceError."""
    chat_id, _ = _ids(value)
    where, offset = await publisher.publish(topic, key=chat_id.encode() if chat_id else None, value=value)
    return Put(path, value, where, offset)


@dataclass(frozen=True, slots=True)
class _Replay:
    """One call: the events it has put so far, and how those followed ended."""

    settings: Settings
    console: Console
    patience_seconds: float | None  # how long to follow each event; None: not at all
    as_json: bool
    puts: list[Put] = field(default_factory=list)
    ended: list[EventOutcome] = field(default_factory=list)

    async def run(self, events: Sequence[tuple[Path, bytes]]) -> None:
        """Put all on the topic, and follow them if so wished. Raises SourceError and StoreUnavailable."""
        async with AsyncExitStack() as closing:
            publisher = KafkaPublisher(self.settings.kafka.login())
            closing.push_async_callback(publisher.close)
            closing.callback(self._print_rest)
            if self.patience_seconds is None:
                await self._put(publisher, events)
                return
            wait_seconds = min(self.patience_seconds, _STORE_SECONDS)
            with self._progress("waiting for the store"):
                store = await closing.enter_async_context(open_store(self.settings, wait_seconds=wait_seconds))
            await self._put(publisher, events)
            await self._follow(store.ledger, self.patience_seconds)

    async def _put(self, publisher: KafkaPublisher, events: Sequence[tuple[Path, bytes]]) -> None:
        for number, (path, value) in enumerate(events, start=1):
            with self._progress(f"putting {number} of {len(events)}: {path.name}"):
                self.puts.append(await put(publisher, self.settings.kafka.topic, path, value))

    async def _follow(self, ledger: Ledger, patience_seconds: float) -> None:
        for number, each in enumerate(self.puts, start=1):
            with self._progress(f"waiting for {number} of {len(self.puts)}: {each.path.name}"):
                followed = await follow(
                    *(ledger, each.value, each.where, each.offset),
                    our_numbers=self.settings.messaging.our_numbers,
                    patience_seconds=patience_seconds,
                    texts=self.settings.worker.answer_text_messages,
                )
            _print(each, followed, self.console, as_json=self.as_json)
            self.ended.append(followed)

    def _print_rest(self) -> None:
        """Print the events that are put and not followed: none was to be, or this was cut short."""
        rest = self.puts[len(self.ended) :]
        for each in rest:
            _print(each, None, self.console, as_json=self.as_json)
        if rest and self.patience_seconds is not None:
            click.echo(f"Put, and not followed to their end: {len(rest)}. See `voicememo show MESSAGE_ID`.", err=True)

    def _progress(self, words: str) -> AbstractContextManager[object]:
        return nullcontext() if self.as_json else self.console.status(words)


def _print(put_: Put, followed: EventOutcome | None, console: Console, *, as_json: bool) -> None:
    _, message_id = _ids(put_.value)
    if as_json:
        print_json({
            "path": str(put_.path),
            "message_id": message_id,
            "topic": put_.where.topic,
            "partition": put_.where.number,
            "offset": put_.offset,
            "outcome": followed and followed.outcome,
            "reason": followed and followed.reason,
        })  # fmt: skip
        return
    at = f"{put_.where.topic}[{put_.where.number}]@{put_.offset}"
    outcome = f"{followed.outcome}{f' ({followed.reason})' if followed.reason else ''}" if followed else "put"
    text = "  ".join(filter(None, (at, message_id, outcome)))
    console.print(Entry(Text(put_.path.name, "bold"), Text(text)), crop=False)
    if followed and followed.story:
        print_story(followed.story, console)
        console.print()


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(each for each in path.iterdir() if each.is_file() and fixture.kind_of(each))


def _ids(value: bytes) -> tuple[str | None, str | None]:
    event = parse(value, received_at=datetime.now(UTC))
    about = event.memo if isinstance(event, VoiceMemo) else event
    return getattr(about, "chat_id", None), getattr(about, "message_id", None)
