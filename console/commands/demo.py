"""`voicememo demo`: the whole way on embedded parts. Nothing to install, no account, no key."""

from __future__ import annotations

import asyncio
import json
import shutil
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from audio.transcode import Transcoder
from console import fixture
from console.commands.replay import event_of, put
from console.demo import recognise
from console.demo.story import Account, opening, repeated, summary, telling, understanding
from console.exits import FAILED, end, told
from console.follow import follow
from console.printing import printer
from consumer import wiring
from consumer.login import login_of
from consumer.publisher import KafkaPublisher
from consumer.settings import load
from consumer.stopping import Stop
from consumer.stores import make_store
from consumer.telemetry import configure_logs
from providers.local import LocalTranscriber
from sandbox.__main__ import engine_mind
from sandbox.app import Sandbox
from sandbox.broker import EmbeddedBroker
from sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from typing import TextIO

    from rich.console import Console

    from console.demo.recognise import Recognised
    from consumer.settings import Settings
    from sandbox.faults import Faults
    from sandbox.mind import EngineMind

_FIXTURES = Path(__file__).parent.parent.parent / "fixtures"
_MEDIA = (_FIXTURES / "memos", _FIXTURES / "broken")
_MARKER: Final = "made-by-voicememo-demo.txt"
_MARK: Final = "`voicememo demo` made this folder, and empties it when it runs again.\n"
_PATIENCE_SECONDS = 180.0
_CUT: Final = Fault(Kind.CUT)
TROUBLE: Final[Mapping[str, Mapping[str, Fault]]] = {
    "01-iphone-caf-without-mime.json": {
        "whisper": Fault(Kind.STATUS, 503),
        "elevenlabs": Fault(Kind.STATUS, 429, "2"),
    },
    "17-link-expired-asked-again.json": {"elevenlabs": _CUT, "cartesia": _CUT},
}
"""Event → service → what it suffers meanwhile. Providers fail now and then, and each voice is to be heard: Cartesia
while ElevenLabs wants to be left alone, the local one where both are gone."""


@click.command(name="demo")
@click.option(
    "--folder",
    default="var/demo",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Where everything is left; what a former demo left there is deleted.",
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
        accounts, heard = asyncio.run(_Demo(folder, printer()).run(log))
    if found := shortcomings(accounts, heard):
        end("\n".join(found), FAILED)


def shortcomings(accounts: Sequence[Account], heard: Sequence[Recognised]) -> list[str]:
    """Say what did not go as it should; nothing when all went well."""
    found = []
    if not all(account.as_expected for account in accounts):
        found.append("Some events did not end as fixtures/expected.json says they should.")
    if not heard:
        found.append("No reply could be recognised again: no voice said enough English.")
    found.extend(
        f"The reply that {each.reply.rung} spoke is garbled: {each.errors} errors in {each.words} words."
        for each in heard
        if not each.shares_its_words
    )
    return found


class _Demo:
    """One run of the demo."""

    def __init__(self, folder: Path, console: Console) -> None:
        self._folder = folder
        self._console = console

    async def run(self, log: TextIO) -> tuple[Sequence[Account], Sequence[Recognised]]:
        """Start the parts, put the events on the topic, follow each to its end, listen to replies, stop the parts."""
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
            for key, message in fixture.messages(_FIXTURES / "messages.json", series_api_url=sandbox.url).items():
                sandbox.series.add_message(*key, message)
            accounts = await self._answered(settings, publisher, sandbox.faults)
            heard = await self._heard(accounts, sandbox, mind)
            self._console.print(summary(accounts, sandbox, scripted=mind.scripted, folder=self._folder))
            return accounts, heard

    async def _heard(self, accounts: Sequence[Account], sandbox: Sandbox, mind: EngineMind) -> Sequence[Recognised]:
        """Have a reply of each voice recognised again, by the ears that heard the memos: they are idle now."""
        stories = [account.followed.story for account in accounts if account.followed.story is not None]
        chosen = recognise.longest(recognise.replies(stories, sandbox.sent))
        with self._console.status("listening to replies"):
            heard = await recognise.recognised(chosen.values(), LocalTranscriber(mind.ears), Transcoder())
        self._console.print(understanding(chosen, heard))
        return heard

    async def _answered(self, settings: Settings, publisher: KafkaPublisher, faults: Faults) -> list[Account]:
        """Put one event after the other, so that each can be watched; the worker itself takes many at once."""
        expected = json.loads((_FIXTURES / "expected.json").read_text("utf-8"))
        accounts: list[Account] = []
        store = make_store(settings, create=True)
        await store.open()
        try:
            for path in sorted((_FIXTURES / "events").glob("[0-9]*")):
                value = event_of(path, settings, "demo")
                with self._console.status(path.name), _suffering(faults, path.name):
                    where = await put(publisher, settings.kafka_topic, path, value)
                    followed = await follow(
                        store.ledger,
                        value,
                        where.where,
                        where.offset,
                        our_numbers=settings.our_numbers,
                        patience_seconds=_PATIENCE_SECONDS,
                    )
                account = Account(path.name, followed, expected[path.name], repeated(followed, accounts))
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


@contextmanager
def _suffering(faults: Faults, event: str) -> Iterator[None]:
    """Let the upstreams suffer what is scripted for an event, and nothing after it."""
    for service, fault in TROUBLE.get(event, {}).items():
        faults.always(service, fault)
    try:
        yield
    finally:
        faults.clear()


def _emptied(folder: Path) -> None:
    """Begin with an empty folder, but never empty one that has not the mark of a former demo.

    The folder itself stays: it may be the one that we stand in.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found, marker = list(folder.iterdir()), folder / _MARKER
        if found and not (marker.is_file() and marker.read_text("utf-8", errors="replace") == _MARK):
            end(f"{folder} is not empty, and has no {_MARKER}: choose another --folder, or delete it yourself.", FAILED)
        for each in found:
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each)
            elif each != marker:  # it stays, should this be cut off
                each.unlink()
        marker.write_text(_MARK, "utf-8")
    except FileExistsError:
        end(f"{folder} is no folder: choose another --folder.", FAILED)
    except OSError as error:
        end(f"{folder} cannot be had as a folder of the demo's: {error.strerror}.", FAILED)
