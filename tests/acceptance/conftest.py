"""A whole worker for the acceptance tests: embedded broker, simulated upstreams, disk, a store; nothing is faked."""

from __future__ import annotations

import asyncio
import json
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition

from console import fixture
from console.commands.replay import event_of, put
from console.follow import EventOutcome, follow
from consumer import wiring
from consumer.kafka.publisher import KafkaPublisher
from consumer.settings import load
from runtime.signals import Stop
from sandbox.app import Sandbox
from sandbox.broker import EmbeddedBroker
from sandbox.mind import ScriptedMind
from storage.factory import make_store
from tests.harness.paths import FIXTURES, MEMOS
from tests.harness.processes import environment
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from consumer.kafka.ports import Partition
    from consumer.notices import Notice
    from consumer.settings import Settings
    from storage.factory import Store
    from storage.ledger import Story

PATIENCE_SECONDS = 60.0


@dataclass
class Rig:
    """A running worker, and what it takes to try it."""

    settings: Settings
    sandbox: Sandbox
    store: Store
    publisher: KafkaPublisher
    folder: Path
    worker: asyncio.Task[None]
    notices: list[Notice] = field(default_factory=list)
    ends: dict[Partition, int] = field(default_factory=dict)
    """Partition → the offset after the last event that was put there."""

    def environment(self, **more: str) -> dict[str, str]:
        """Return the variables of a command on this worker's store, archive, broker and upstreams."""
        broker = ",".join(self.settings.kafka.bootstrap_servers)
        return environment(self.folder, sandbox=self.sandbox.environment(), broker=broker, **more)

    async def put(self, path: Path, value: bytes) -> tuple[Partition, int]:
        """Put an event on the topic."""
        where = await put(self.publisher, self.settings.kafka.topic, path, value)
        self.ends[where.where] = where.offset + 1
        return where.where, where.offset

    async def answered(self, path: Path) -> EventOutcome:
        """Put a fixture on the topic, and follow it to its end."""
        value = await asyncio.to_thread(event_of, path, self.settings, "acceptance")
        where, offset = await self.put(path, value)
        return await follow(
            self.store.ledger,
            value,
            where,
            offset,
            our_numbers=self.settings.messaging.our_numbers,
            patience_seconds=PATIENCE_SECONDS,
        )

    async def until(self, message_id: str, holds: Callable[[Story], bool]) -> Story:
        """Wait until a memo's story is as wanted, and return it."""

        async def found() -> Story | None:
            return next(filter(holds, await self.store.ledger.find(message_id)), None)

        story = await until(found, f"the story of {message_id}", pause_seconds=0.02)
        assert story is not None
        return story

    async def all_committed(self) -> None:
        """Wait until the group's committed offsets have reached the end of all that was put."""
        servers = ",".join(self.settings.kafka.bootstrap_servers)
        looking = AIOKafkaConsumer(
            bootstrap_servers=servers, group_id=self.settings.kafka.group_id, enable_auto_commit=False
        )
        await looking.start()
        try:
            looking.assign([TopicPartition(*partition) for partition in self.ends])
            await until(lambda: self._committed(looking), "all is committed", pause_seconds=0.1)
        finally:
            await looking.stop()

    async def _committed(self, looking: Any) -> bool:  # noqa: ANN401 (aiokafka ships no types)
        committed = [await looking.committed(TopicPartition(*partition)) for partition in self.ends]
        return all((at or 0) >= end for at, end in zip(committed, self.ends.values(), strict=True))


@asynccontextmanager
async def rig(
    folder: Path, pointing: Callable[[Sandbox], Mapping[str, str]] = Sandbox.environment, /, **more: str
) -> AsyncIterator[Rig]:
    """Start everything; stop it in order. `pointing` gives the variables that point to the sandbox."""
    async with AsyncExitStack() as closing:
        broker = closing.enter_context(EmbeddedBroker())
        media = (MEMOS, FIXTURES / "broken")
        sandbox = await closing.enter_async_context(Sandbox(ScriptedMind(), media=media))
        for key, message in fixture.messages(FIXTURES / "messages.json", series_api_url=sandbox.url).items():
            sandbox.series.add_message(*key, message)
        settings = load(environment(folder, sandbox=pointing(sandbox), broker=broker.bootstrap_servers, **more))
        store = make_store(settings.store, create=True)
        await store.open()
        closing.push_async_callback(store.close)
        publisher = KafkaPublisher(settings.kafka.login())
        closing.push_async_callback(publisher.close)
        stop = Stop()
        notices: list[Notice] = []
        worker = asyncio.create_task(wiring.run(settings, stop, notices.append))
        made = Rig(settings, sandbox, store, publisher, folder, worker, notices)
        try:
            yield made
        finally:
            stop.request()
            await worker


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Rig]:
    """One worker for all tests of a module."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr(tempfile, "tempdir", folder)  # whatever it leaves there is its own
        async with rig(Path(folder)) as made:
            yield made


@pytest.fixture(scope="session")
def expected() -> Mapping[str, Mapping[str, Any]]:
    """How each fixture event must end."""
    found: Mapping[str, Mapping[str, Any]] = json.loads((FIXTURES / "expected.json").read_text("utf-8"))
    return found
