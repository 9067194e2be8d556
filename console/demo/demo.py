"""A run of the demo: start the parts, answer each event, recognise replies again, sum up."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final

from audio.transcode import Transcoder
from console import fixture
from console.commands.replay import event_of, put
from console.demo import recognise
from console.demo.story import DemoEvent, event_report, heading, recognition_report, repeat_of, summary
from console.follow import follow
from console.store import open_store
from consumer import wiring
from consumer.kafka.publisher import KafkaPublisher
from consumer.settings import load
from providers.models.local import LocalTranscriber
from runtime.logs import configure_logs
from runtime.settings.variables import secrets_of
from runtime.signals import Stop
from sandbox.app import Sandbox
from sandbox.broker import EmbeddedBroker
from sandbox.faults import FaultKind, ScriptedFault
from sandbox.mind import engine_mind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TextIO

    from rich.console import Console, RenderableType

    from console.demo.recognise import RecognitionScore
    from consumer.settings import Settings
    from sandbox.faults import Faults
    from sandbox.mind import EngineMind

_PATIENCE_SECONDS = 180.0
_CUT: Final = ScriptedFault(FaultKind.CUT)
TROUBLE: Final[Mapping[str, Mapping[str, ScriptedFault]]] = {
    "01-iphone-caf-without-mime.json": {
        "whisper": ScriptedFault(FaultKind.STATUS, 503),
        "elevenlabs": ScriptedFault(FaultKind.STATUS, 429, "2"),
    },
    "17-link-expired-asked-again.json": {"elevenlabs": _CUT, "cartesia": _CUT},
}
"""Event → service → its fault meanwhile, so that each voice speaks: Cartesia, and the local one."""


def shortcomings(events: Sequence[DemoEvent], recognitions: Sequence[RecognitionScore]) -> list[str]:
    """List what did not go as it should."""
    found = []
    if not all(event.as_expected for event in events):
        found.append("Some events did not end as in fixtures/expected.json: see 'should have been' above.")
    if not recognitions:
        found.append("No reply could be recognised again: no voice said enough English.")
    found.extend(
        f"The reply that {each.reply.rung} spoke is garbled: {each.errors} errors in {each.words} words."
        for each in recognitions
        if not each.shares_its_words
    )
    return found


class Demo:
    """One run, in a folder of its own."""

    def __init__(self, fixtures: Path, folder: Path, console: Console) -> None:
        self._fixtures = fixtures
        self._folder = folder
        self._console = console

    async def run(self, log: TextIO) -> list[str]:
        """Start the parts, answer each event, recognise replies, stop; return shortcomings."""
        async with AsyncExitStack() as closing:
            with self._console.status("starting: broker, upstreams, worker"):
                broker = closing.enter_context(EmbeddedBroker())
                mind = await engine_mind(self._fixtures)
                media = (self._fixtures / "memos", self._fixtures / "broken")
                sandbox = await closing.enter_async_context(Sandbox(mind, media=media))
                settings = self._settings(broker, sandbox)
                configure_logs("json", settings.log.level, log, secrets=secrets_of(settings))
                await closing.enter_async_context(_worker(settings))
                publisher = KafkaPublisher(settings.kafka.login())
                closing.push_async_callback(publisher.close)
            self._print(heading(broker.bootstrap_servers, sandbox.url, self._folder))
            for key, message in fixture.messages(self._fixtures / "messages.json", series_api_url=sandbox.url).items():
                sandbox.series.add_message(*key, message)
            events = await self._answer(settings, publisher, sandbox.faults)
            recognitions = await self._recognise(events, sandbox, mind)
            self._print(summary(events, sandbox, scripted=mind.scripted, folder=self._folder))
            return shortcomings(events, recognitions)

    async def _recognise(
        self, events: Sequence[DemoEvent], sandbox: Sandbox, mind: EngineMind
    ) -> Sequence[RecognitionScore]:
        stories = [event.followed.story for event in events if event.followed.story is not None]
        chosen = recognise.longest_by_voice(recognise.english_replies(stories, sandbox.sent))
        with self._console.status("listening to replies"):
            found = await recognise.recognise(chosen.values(), LocalTranscriber(mind.recognizer), Transcoder())
        self._print(recognition_report(chosen, found))
        return found

    async def _answer(self, settings: Settings, publisher: KafkaPublisher, faults: Faults) -> list[DemoEvent]:
        # One event after the other, so that each can be watched; the worker itself takes many at once.
        expected = json.loads((self._fixtures / "expected.json").read_text("utf-8"))
        events: list[DemoEvent] = []
        async with open_store(settings, create=True) as store:
            for path in sorted((self._fixtures / "events").glob("[0-9]*")):
                value = event_of(path, settings, "demo")
                with self._console.status(path.name), _trouble(faults, path.name):
                    at = await put(publisher, settings.kafka.topic, path, value)
                    followed = await follow(
                        *(store.ledger, value, at.where, at.offset),
                        our_numbers=settings.messaging.our_numbers,
                        patience_seconds=_PATIENCE_SECONDS,
                    )
                event = DemoEvent(path.name, followed, expected[path.name], repeat_of(followed, events))
                self._print(event_report(event))
                events.append(event)
        return events

    def _settings(self, broker: EmbeddedBroker, sandbox: Sandbox) -> Settings:
        return load({
            **sandbox.environment(),
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "ARCHIVE_URL": f"file:{self._folder / 'archive'}",
            "ARCHIVE_SPOOL": str(self._folder / "owed"),
            "STORE_URL": f"sqlite:{self._folder / 'voicememo.db'}",
            "VITALS_PORT": "0",
        })  # fmt: skip

    def _print(self, report: RenderableType) -> None:
        self._console.print(report, crop=False)


@asynccontextmanager
async def _worker(settings: Settings) -> AsyncIterator[None]:
    """Run a worker during the block; if it dies, the block is cancelled."""
    stop = Stop()
    async with asyncio.TaskGroup() as group:
        group.create_task(wiring.run(settings, stop), name="worker")
        try:
            yield
        finally:
            stop.request()


@contextmanager
def _trouble(faults: Faults, event: str) -> Iterator[None]:
    for service, fault in TROUBLE.get(event, {}).items():
        faults.always(service, fault)
    try:
        yield
    finally:
        faults.clear()
