"""Single faults of real processes on a real Kafka: a pause in the middle of a send, a stop under load, poison."""

from __future__ import annotations

import asyncio
import os
import uuid
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from console.fixture import wrap
from consumer.kafka.ports import KafkaLogin
from consumer.kafka.publisher import KafkaPublisher
from sandbox.app import Sandbox
from sandbox.mind import ScriptedMind
from storage.sqlite.store import SqliteStore
from tests.harness.paths import FIXTURES, MEMOS
from tests.harness.processes import LoggedProcess, environment, start
from tests.harness.until import until
from tests.integration.kafka.broker import VERSIONS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.integration.kafka.broker import RealKafka

MEMO = MEMOS / "en-yes.wav"
PAUSE_SECONDS = float(os.environ.get("CHAOS_PAUSE_SECONDS", "15"))
"""Longer than a session and a lease, which are 6 s here."""
PATIENCE_SECONDS = 90.0

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.timeout(300),
    pytest.mark.parametrize("kafka", VERSIONS[:1], indirect=True, scope="session"),
]


@dataclass
class Team:
    """Worker processes of one group, and their world."""

    kafka: RealKafka
    folder: Path
    sandbox: Sandbox
    publisher: KafkaPublisher
    store: SqliteStore
    topic: str
    group: str
    workers: list[LoggedProcess] = field(default_factory=list)

    async def start(self) -> LoggedProcess:
        """Start one more worker."""
        variables = {
            **environment(self.folder, sandbox=self.sandbox.environment(), broker=self.kafka.bootstrap_servers),
            "KAFKA_TOPIC": self.topic,
            "KAFKA_DEAD_LETTER_TOPIC": f"{self.topic}.dead",
            "KAFKA_GROUP_ID": self.group,
            "KAFKA_SESSION_SECONDS": "6",
            "LEASE_SECONDS": "6",
            "DRAIN_SECONDS": "4",
            "LOG_FORMAT": "json",
        }
        log = self.folder / f"worker-{len(self.workers)}.log"
        worker = LoggedProcess(await start("run", variables=variables, log=log), log)
        self.workers.append(worker)
        return worker

    async def end(self) -> None:
        """Stop those that still run: each ends well."""
        running = [worker for worker in self.workers if worker.alive]
        assert await asyncio.gather(*(each.stop(PATIENCE_SECONDS) for each in running)) == [0] * len(running)

    async def say(self, chat: str, message_id: str) -> None:
        """Put a memo on the topic."""
        value = await asyncio.to_thread(wrap, MEMO, chat_id=chat, message_id=message_id, person="+15550100001")
        await self.publisher.publish(self.topic, key=chat.encode(), value=value)

    async def settled(self, message_id: str) -> str:
        """Wait for a memo's end, and return its state."""

        async def state() -> str | None:
            stories = await self.store.ledger.find(message_id)
            return stories[0].state.value if stories and stories[0].state.settled else None

        return str(await until(state, f"the end of {message_id}", seconds=PATIENCE_SECONDS, pause_seconds=0.05))

    def replies(self, chat: str) -> list[str]:
        """Give the names of the replies in a chat, in order."""
        return [sent.filename or "" for sent in self.sandbox.sent if sent.chat_id == chat]


@asynccontextmanager
async def team(kafka: RealKafka, folder: Path) -> AsyncIterator[Team]:
    """Make the world; at the end each running process is asked to stop, and does."""
    name = f"memos-{uuid.uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1), NewTopic(f"{name}.dead", 1, 1)])
    await admin.close()
    async with AsyncExitStack() as closing:
        sandbox = await closing.enter_async_context(Sandbox(ScriptedMind(), honours_keys=False))
        publisher = KafkaPublisher(KafkaLogin(kafka.bootstrap_servers))
        closing.push_async_callback(publisher.close)
        store = SqliteStore(folder / "voicememo.db")
        await store.open()
        closing.push_async_callback(store.close)
        made = Team(kafka, folder, sandbox, publisher, store, name, name)
        try:
            yield made
        finally:
            await made.end()


async def test_a_pause_in_the_middle_of_a_send(kafka: RealKafka, tmp_path: Path) -> None:
    """A worker that stands still while it sends is replaced, the other finds the reply, and there is one (I1)."""
    async with team(kafka, tmp_path) as made:
        first = await made.start()
        await made.say("warm", "warm")
        await made.settled("warm")
        made.sandbox.faults.latency["series.send"] = 2.0
        await made.say("chat", "m1")
        await until(lambda: made.sandbox.faults.requests["series.send"] >= 2)
        first.pause()
        await made.start()
        stopped_at = asyncio.get_running_loop().time()
        assert await made.settled("m1") == "answered"
        await made.say("chat", "m2")
        assert await made.settled("m2") == "answered"
        await asyncio.sleep(max(0.0, PAUSE_SECONDS - (asyncio.get_running_loop().time() - stopped_at)))
        first.resume()
        await made.say("chat", "m3")
        assert await made.settled("m3") == "answered"
        await asyncio.sleep(3)  # what the stale one would still send, it would send now
        assert [name.rpartition("_")[2] for name in made.replies("chat")] == ["m1.m4a", "m2.m4a", "m3.m4a"]


async def test_a_stop_under_load(kafka: RealKafka, tmp_path: Path) -> None:
    """Asked to stop in the middle of many memos, a worker ends with 0 in its time, and the next goes on (I1, I4)."""
    memos = 40
    async with team(kafka, tmp_path) as made:
        made.sandbox.faults.latency.update(whisper=1.0, llama=0.5, elevenlabs=1.0)
        first = await made.start()
        for number in range(memos):
            await made.say(f"chat-{number % 20}", f"m{number}")
        await until(lambda: made.sandbox.faults.requests["llama"] >= 10)
        assert await first.stop(PATIENCE_SECONDS) == 0
        phases = {str(line["phase"]): line for line in first.lines() if line["event"] == "worker.changed"}
        assert list(phases) == ["joining", "polling", "draining", "stopped"]
        await made.start()
        for number in range(memos):
            assert await made.settled(f"m{number}") == "answered"
        sent = [f"{each.chat_id}/{(each.filename or '').rpartition('_')[2]}" for each in made.sandbox.sent]
        assert sorted(sent) == sorted(f"chat-{number % 20}/m{number}.m4a" for number in range(memos))


async def test_poison_in_front_of_good_memos(kafka: RealKafka, tmp_path: Path) -> None:
    """Events of every bad kind hold up nothing behind them, in the same partition too, and are accounted for (I7)."""
    bad = [path.read_bytes() for path in sorted((FIXTURES / "events").glob("*.bin"))]
    bad += [b"\xff\xfe", b"{", b"[]", b'{"event_type": "message.received"}', b"null", b'{"data": {"audio": 7}}' * 3]
    async with team(kafka, tmp_path) as made:
        await made.start()
        for value in bad:
            for key in (b"chat-0", b"chat-1", b"chat-2"):
                await made.publisher.publish(made.topic, key=key, value=value)
        for number in range(3):
            await made.say(f"chat-{number}", f"m{number}")
        for number in range(3):
            assert await made.settled(f"m{number}") == "answered"
        letters = await made.store.ledger.dead_letters(limit=1000)
        assert letters
        assert all(letter.reason for letter in letters)
