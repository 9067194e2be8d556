"""`voicememo replay`: puts fixture events, or recordings, on the topic, and follows each to its end."""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from audio.formats import by_name
from console import fixture
from console.exits import FAILED, MISUSED, end, told
from console.following import Followed, follow
from console.printing import printer
from console.show import tell
from consumer.events import VoiceMemo, parse
from consumer.login import login_of
from consumer.publisher import KafkaPublisher
from consumer.settings import load
from consumer.stores import make_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.events import Event
    from consumer.settings import Settings
    from consumer.source import Partition

_PERSON = "+15550100001"
_GOOD = frozenset({"answered", "apologised", "ignored"})


@dataclass(frozen=True, slots=True)
class Put:
    """An event on the topic."""

    path: Path
    value: bytes
    where: Partition
    offset: int


@click.command(name="replay")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--wait", is_flag=True, help="Follow each event to its end, as the ledger (STORE_URL) tells it.")
@click.option(
    "--patience", default=120.0, show_default=True, metavar="SECONDS", help="With --wait: how long, for each event."
)
@click.option("--chat", default=None, help="The chat that recordings are put into; by default a new one for each call.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object per event.")
def command(paths: tuple[Path, ...], wait: bool, patience: float, chat: str | None, as_json: bool) -> None:  # noqa: FBT001 (click passes flags so)
    """Put events on KAFKA_TOPIC at KAFKA_BOOTSTRAP_SERVERS.

    PATHS are event files (.json, or .bin for raw bytes), recordings, which are wrapped in an event, or folders of both.
    In events, ${SERIES_API_URL} and "${base64:FILE}" are filled in. Exit status 1 when an event did not end well.
    """
    with told():
        settings = load(os.environ, complete=False)
        files = [file for path in paths for file in _files(path)]
        if not files:
            end("Nothing to replay: no file in there is an event or a recording.", MISUSED)
        try:
            values = [event_of(file, settings, chat or f"replay-{time.time_ns():x}") for file in files]
        except fixture.FixtureError as error:
            end(f"voicememo: {error}", MISUSED)
        ended = asyncio.run(
            _replay(settings, list(zip(files, values, strict=True)), patience if wait else None, as_json)
        )
    if any(each.outcome not in _GOOD for each in ended):
        raise click.exceptions.Exit(FAILED)


def event_of(path: Path, settings: Settings, chat_id: str) -> bytes:
    """Read an event, or wrap a recording in one. Raises FixtureError."""
    if by_name(path.name) is None:
        return fixture.load(path, series_api_url=settings.messenger_url or "")
    message_id = f"{path.stem}-{time.time_ns():x}"
    return fixture.wrap(path, chat_id=chat_id, message_id=message_id, person=_PERSON)


async def put(publisher: KafkaPublisher, topic: str, path: Path, value: bytes) -> Put:
    """Put one event on the topic, keyed by its chat so that a chat stays in one partition. Raises SourceError."""
    where, offset = await publisher.publish(topic, key=_key(value), value=value)
    return Put(path, value, where, offset)


async def _replay(
    settings: Settings,
    events: Sequence[tuple[Path, bytes]],
    patience: float | None,
    as_json: bool,  # noqa: FBT001 (passed through)
) -> list[Followed]:
    publisher = KafkaPublisher(login_of(settings))
    store = make_store(settings)
    ended = []
    try:
        if patience is not None:
            await store.open()
        puts = [await put(publisher, settings.kafka_topic, path, value) for path, value in events]
        for each in puts:
            followed = None
            if patience is not None:
                followed = await follow(
                    store.ledger,
                    each.value,
                    each.where,
                    each.offset,
                    our_numbers=settings.our_numbers,
                    patience_seconds=patience,
                    texts=settings.answer_text_messages,
                )
                ended.append(followed)
            _report(each, followed, as_json=as_json)
    finally:
        await publisher.close()
        await store.close()
    return ended


def _report(put_: Put, followed: Followed | None, *, as_json: bool) -> None:
    if as_json:
        said = {
            "path": str(put_.path),
            "message_id": _message_id(put_.value),
            "topic": put_.where.topic,
            "partition": put_.where.number,
            "offset": put_.offset,
            "outcome": followed and followed.outcome,
            "reason": followed and followed.reason,
        }
        click.echo(json.dumps(said))
        return
    console = printer()
    at = f"{put_.where.topic}[{put_.where.number}]@{put_.offset}"
    outcome = f"{followed.outcome}{f' ({followed.reason})' if followed.reason else ''}" if followed else "put"
    console.print(f"[bold]{put_.path.name}[/bold]  {at}  {_message_id(put_.value) or ''}  {outcome}", highlight=False)
    if followed and followed.story:
        tell(followed.story, console)
        console.print()


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(each for each in path.iterdir() if each.suffix in {".json", ".bin"} or by_name(each.name))


def _key(value: bytes) -> bytes | None:
    event = _parsed(value)
    chat_id = event.memo.chat_id if isinstance(event, VoiceMemo) else getattr(event, "chat_id", None)
    return chat_id.encode() if chat_id else None


def _message_id(value: bytes) -> str | None:
    event = _parsed(value)
    return event.memo.message_id if isinstance(event, VoiceMemo) else getattr(event, "message_id", None)


def _parsed(value: bytes) -> Event:
    return parse(value, received_at=datetime.now(UTC))
