"""`voicememo demo`: the whole way on embedded parts. Nothing to install, no account, no key."""

from __future__ import annotations

import asyncio
import json
import shutil
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from console import fixture
from console.exits import FAILED, end, told
from console.following import follow
from console.printing import printer
from console.replay import event_of, put
from console.telling import Account, opening, summary, telling
from consumer import wiring
from consumer.login import login_of
from consumer.publisher import KafkaPublisher
from consumer.settings import load
from consumer.stopping import Stop
from consumer.stores import make_store
from consumer.telemetry import configure_logs
from sandbox.__main__ import engine_mind
from sandbox.app import Sandbox
from sandbox.broker import EmbeddedBroker
from sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import TextIO

    from rich.console import Console

    from consumer.settings import Settings

_FIXTURES = Path(__file__).parent.parent / "fixtures"
_MEDIA = (_FIXTURES / "memos", _FIXTURES / "broken")
_PATIENCE_SECONDS = 180.0


@click.command(name="demo")
@click.option(
    "--folder", default="var/demo", show_default=True, type=click.Path(path_type=Path), help="Where everything is left."
)
def command(folder: Path) -> None:
    """Answer the fixture memos: Kafka in, voice memos out, every step shown.

    The broker is librdkafka's mock cluster, the upstreams are simulated on loopback (their ears and voices are local
    engines), the archive is a folder and the store is a SQLite file. Originals, WAVs and replies are left in var/demo/.
    """
    if not _FIXTURES.is_dir():
        end("The demo needs the fixtures folder: run it in a checkout of the project.", FAILED)
    folder = folder.resolve()
    _emptied(folder)
    with told(), (folder / "worker.log").open("w") as log:
        accounts = asyncio.run(_Demo(folder, printer()).run(log))
    if not all(account.as_expected for account in accounts):
        end("Some events did not end as fixtures/expected.json says they should.", FAILED)


class _Demo:
    """One run of the demo."""

    def __init__(self, folder: Path, console: Console) -> None:
        self._folder = folder
        self._console = console

    async def run(self, log: TextIO) -> list[Account]:
        """Start the parts, put the events on the topic, follow each to its end, stop the parts."""
        async with AsyncExitStack() as closing:
            with self._console.status("starting: broker, upstreams, worker"):
                broker = closing.enter_context(EmbeddedBroker())
                mind = await engine_mind(_FIXTURES)
                sandbox = await closing.enter_async_context(Sandbox(mind, media=_MEDIA))
                settings = self._settings(broker, sandbox)
                configure_logs("json", settings.log_level, log, secrets=settings.secrets())
                await closing.enter_async_context(_worker(settings))
                publisher = KafkaPublisher(login_of(settings))
                closing.push_async_callback(publisher.close)
            self._console.print(opening(broker.bootstrap_servers, sandbox.url, self._folder))
            _script(sandbox)
            for key, message in fixture.messages(_FIXTURES / "messages.json", series_api_url=sandbox.url).items():
                sandbox.series.add_message(*key, message)
            accounts = await self._answered(settings, publisher)
            self._console.print(summary(accounts, sandbox, scripted=mind.scripted, folder=self._folder))
            return accounts

    async def _answered(self, settings: Settings, publisher: KafkaPublisher) -> list[Account]:
        """Put one event after the other, so that each can be watched; the worker itself takes many at once."""
        expected = json.loads((_FIXTURES / "expected.json").read_text("utf-8"))
        accounts = []
        store = make_store(settings)
        await store.open()
        try:
            for path in sorted((_FIXTURES / "events").glob("[0-9]*")):
                value = event_of(path, settings, "demo")
                with self._console.status(path.name):
                    where = await put(publisher, settings.kafka_topic, path, value)
                    followed = await follow(
                        store.ledger,
                        value,
                        where.where,
                        where.offset,
                        our_numbers=settings.our_numbers,
                        patience_seconds=_PATIENCE_SECONDS,
                    )
                account = Account(path.name, followed, expected[path.name])
                self._console.print(telling(account, self._folder))
                accounts.append(account)
        finally:
            await store.close()
        return accounts

    def _settings(self, broker: EmbeddedBroker, sandbox: Sandbox) -> Settings:
        """Point a worker at the embedded parts; nothing of the caller's own environment gets in."""
        return load({
            **sandbox.environment(),
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "ARCHIVE_URL": f"file:{self._folder / 'archive'}",
            "ARCHIVE_SPOOL": str(self._folder / "owed"),
            "STORE_URL": f"sqlite:{self._folder / 'voicememo.db'}",
            "VITALS_PORT": "0",
        })  # fmt: skip


@asynccontextmanager
async def _worker(settings: Settings) -> AsyncIterator[None]:
    """Run a worker beside the block, and stop it in order after it; should it die, the block is cancelled."""
    stop = Stop()
    async with asyncio.TaskGroup() as group:
        group.create_task(wiring.run(settings, stop), name="worker")
        try:
            yield
        finally:
            stop.ask()


def _script(sandbox: Sandbox) -> None:
    """Let a provider fail now and then, as providers do: the next rungs are to be heard too."""
    sandbox.faults.next("whisper", Fault(Kind.STATUS, 503))
    sandbox.faults.next("elevenlabs", Fault(Kind.STATUS, 429, "30"), Fault(Kind.CUT))


def _emptied(folder: Path) -> None:
    """Begin with an empty folder, but never empty one that is not a former demo's."""
    if folder.exists() and not (folder / "worker.log").exists() and any(folder.iterdir()):
        end(f"{folder} is not empty, and was not made by the demo: choose another --folder.", FAILED)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
