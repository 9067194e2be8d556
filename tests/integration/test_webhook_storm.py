"""The webhook door under load, its Kafka and itself killed meanwhile: nothing that was acknowledged is lost.

WEBHOOK_DELIVERIES says how many there are; most of the time is Kafka's own, getting up again.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import uuid
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from consumer import wiring
from consumer.kafka.ports import KafkaLogin
from consumer.kafka.publisher import KafkaPublisher
from consumer.settings import load
from consumer.webhook.server import WebhookServer
from consumer.webhook.signatures import Verifier
from runtime.signals import Stop
from sandbox.app import Sandbox
from sandbox.mind import ScriptedMind
from storage.sqlite.store import SqliteStore
from tests.contracts.webhooks import SECRET, envelope, standard, timestamped, written
from tests.harness.needs import missing
from tests.harness.processes import ended, environment, lines_of, start
from tests.harness.until import until
from tests.integration.kafka.broker import VERSIONS, NoKafka, real_kafka

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from consumer.settings import Settings
    from tests.integration.kafka.broker import RealKafka

DELIVERIES = int(os.environ.get("WEBHOOK_DELIVERIES", "2000"))
SEED = int(os.environ.get("WEBHOOK_SEED", "1"))
PARTITIONS = 6
CHATS = 20
AT_ONCE = 40
PATIENCE_SECONDS = 240.0
_until = partial(until, seconds=PATIENCE_SECONDS)
FORGERS_SECRET = "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldCBrZXk="


@dataclass(frozen=True)
class Delivery:
    """What Linq would send, or somebody who is not Linq."""

    event: str
    body: bytes = field(repr=False)
    forged: bool = False

    def headers(self) -> Mapping[str, str]:
        """Sign it for now, as each attempt is."""
        if self.forged:
            return standard(self.body, self.event, secret=FORGERS_SECRET)
        return standard(self.body, self.event) | timestamped(self.body, secret=SECRET)


@dataclass
class Post:
    """Linq's side: delivers everything, each until it is taken or given up, and keeps the answers."""

    url: str
    deliveries: list[Delivery]
    answers: Counter[int | str] = field(default_factory=Counter)
    acknowledged: set[str] = field(default_factory=set)
    given_up: Counter[str] = field(default_factory=Counter)
    settled: int = 0

    async def run(self) -> None:
        """Deliver, so many at once."""
        left = iter(self.deliveries)
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as client,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(AT_ONCE):
                group.create_task(self._carry(client, left))

    async def _carry(self, client: aiohttp.ClientSession, left: Any) -> None:  # noqa: ANN401 (an iterator that is shared)
        for delivery in left:
            while not await self._settles(client, delivery):  # noqa: ASYNC110 (the vendor's pause between tries)
                await asyncio.sleep(0.2)
            self.settled += 1

    async def _settles(self, client: aiohttp.ClientSession, delivery: Delivery) -> bool:
        """Try once; say whether that was the last time, as the vendor's pages have it."""
        try:
            async with client.post(self.url, data=delivery.body, headers=delivery.headers()) as response:
                status: int | str = response.status
        except (aiohttp.ClientError, TimeoutError):
            status = "no answer"
        self.answers[status] += 1
        if status == 200:
            self.acknowledged.add(delivery.event)
        elif isinstance(status, int) and status < 500 and status != 429:
            self.given_up[delivery.event] += 1
        return status == 200 or delivery.event in self.given_up


def _deliveries(random: Random) -> tuple[list[Delivery], dict[str, str]]:
    """Draw them: seven of ten new (one in ten of these a message, the rest typing), two repeats, one forged."""
    new, messages = [], {}
    for number in range(DELIVERIES * 7 // 10):
        chat, event = f"chat-{number % CHATS}", f"event-{number}"
        if number % 10:
            body = envelope("chat.typing_indicator.started", event, {"chat_id": chat})
        else:
            messages[f"message-{number}"] = chat
            body = written(chat, f"number {number}", message=f"message-{number}", event=event)
        new.append(Delivery(event, body))
    repeats = random.choices(new, k=DELIVERIES * 2 // 10) + [each for each in new if b"message.received" in each.body]
    forged = [
        Delivery(f"forged-{number}", written("chat-1", "x", message=f"forged-{number}"), forged=True)
        for number in range(DELIVERIES // 10)
    ]
    drawn = new + repeats + forged
    random.shuffle(drawn)
    return drawn, messages


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.timeout(600)
async def test_nothing_acknowledged_is_lost_and_each_message_is_answered_once(unused_tcp_port: int) -> None:
    """Through deaths of Kafka and of the door all that is genuine is on the topic, and is answered once (I1, I7)."""
    async with AsyncExitStack() as closing:
        try:
            kafka = await asyncio.to_thread(closing.enter_context, real_kafka(VERSIONS[0]))
        except NoKafka as reason:
            missing(f"a real Kafka: {reason}")
        await _topics(kafka.bootstrap_servers)
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        sandbox = await closing.enter_async_context(Sandbox(ScriptedMind()))
        settings = load(variables := _variables(sandbox, kafka, folder, unused_tcp_port))
        deliveries, messages = _deliveries(Random(SEED))  # noqa: S311 (it draws a load)
        await closing.enter_async_context(_working(settings))
        post = Post(f"http://127.0.0.1:{unused_tcp_port}/webhook", deliveries)
        await _storm(post, kafka, variables)
        records = await _records(settings)
        await _until(lambda: _all_committed(settings), pause_seconds=0.2)
        states = await _states(folder, messages)
    genuine = {each.event for each in deliveries if not each.forged}
    forged = {each.event for each in deliveries if each.forged}
    found = [dict(record.headers)["webhook-id"].decode() for record in records]
    sys.stderr.write(f"\n{len(deliveries)} deliveries, answers {dict(post.answers)}, {len(found)} records\n")
    assert post.acknowledged == genuine
    assert set(found) == genuine
    assert dict(post.given_up) == dict.fromkeys(forged, 1)
    assert post.answers[503] + post.answers["no answer"] > 0
    assert len({(record.key, record.partition) for record in records}) == CHATS
    assert states == dict.fromkeys(messages, "answered")
    assert Counter(sent.chat_id for sent in sandbox.sent) == Counter(messages.values())


@pytest.mark.kafka
async def test_what_the_topic_does_not_take_is_reported_and_holds_nothing_up(kafka: RealKafka) -> None:
    """More than the topic's own limit is 413; what follows is kept, at the second try at the latest."""
    topic = f"topic-{uuid.uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1, topic_configs={"max.message.bytes": "10000"})])
    await admin.close()
    publisher = KafkaPublisher(KafkaLogin(kafka.bootstrap_servers))
    door = WebhookServer(publisher, topic, Verifier((SECRET,), 300), host="127.0.0.1", port=0, path="/webhook")
    await door.open()
    try:
        small = [Delivery(f"small-{number}", written("chat", "x", event=f"small-{number}")) for number in range(3)]
        large = Delivery("large", written("chat", "x" * 20_000))
        post = Post(f"http://127.0.0.1:{door.port}/webhook", [small[0]])
        await post.run()
        post.deliveries = [large]
        await post.run()
        post.deliveries = small[1:]
        await post.run()
    finally:
        await door.close()
        await publisher.close()
    assert post.acknowledged == {each.event for each in small}
    assert post.given_up == {"large": 1}
    assert post.answers[413] == 1
    assert post.answers[503] <= 2


async def _storm(post: Post, kafka: RealKafka, variables: Mapping[str, str]) -> None:
    """Deliver everything; meanwhile kill Kafka twice and the door once, each at a third of the way."""
    door = await start("webhook", variables=variables)
    total = len(post.deliveries)
    delivering = asyncio.create_task(post.run())
    for share in (0.25, 0.75):
        await _until(lambda: post.settled >= total * share)  # noqa: B023 (waited for in this turn)
        troubled = post.answers[503] + 1
        await asyncio.to_thread(kafka.kill)
        await _until(lambda: post.answers[503] >= troubled)  # noqa: B023 (the same)
        await asyncio.to_thread(kafka.start)
        if share < 0.5:
            await _until(lambda: post.settled >= total / 2)
            door.kill()
            await door.wait()
            door = await start("webhook", variables=variables)
    await delivering
    door.terminate()
    status, _, log = await ended(door)
    assert status == 0
    phases = [line["phase"] for line in lines_of(log) if line["event"] == "door.changed"]
    assert phases == ["open", "draining", "stopped"]
    assert "whsec_" not in log
    assert "number " not in log


def _variables(sandbox: Sandbox, kafka: RealKafka, folder: Path, port: int) -> dict[str, str]:
    return {
        **environment(folder, sandbox=sandbox.linq_environment(), broker=kafka.bootstrap_servers),
        "ANSWER_TEXT_MESSAGES": "true",
        "WEBHOOK_PORT": str(port),
        "WEBHOOK_SECRETS": f"another-secret-of-ours,{SECRET}",
        "LOG_FORMAT": "json",
    }


async def _topics(servers: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic("message.received", PARTITIONS, 1), NewTopic("message.received.dead", 1, 1)])
    await admin.close()


@asynccontextmanager
async def _working(settings: Settings) -> AsyncIterator[None]:
    """Have a worker at work."""
    stop = Stop()
    worker = asyncio.create_task(wiring.run(settings, stop))
    try:
        yield
    finally:
        stop.request()
        await worker


async def _records(settings: Settings) -> list[Any]:
    """Give everything that is on the topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=",".join(settings.kafka.bootstrap_servers))
    await consumer.start()
    try:
        partitions = _partitions(settings)
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        found: list[Any] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any([await consumer.position(each) < ends[each] for each in partitions]):
                found += [one for some in (await consumer.getmany(timeout_ms=200)).values() for one in some]
        return found
    finally:
        await consumer.stop()


async def _all_committed(settings: Settings) -> bool:
    """Whether the worker is through with everything that is on the topic."""
    looking = AIOKafkaConsumer(
        bootstrap_servers=",".join(settings.kafka.bootstrap_servers),
        group_id=settings.kafka.group_id,
        enable_auto_commit=False,
    )
    await looking.start()
    try:
        partitions = _partitions(settings)
        looking.assign(partitions)
        ends = await looking.end_offsets(partitions)
        return all([(await looking.committed(each) or 0) >= ends[each] for each in partitions])
    finally:
        await looking.stop()


async def _states(folder: Path, messages: Mapping[str, str]) -> dict[str, str]:
    """Give how each message ended, as the ledger has it."""
    store = SqliteStore(folder / "voicememo.db")
    await store.open()
    try:
        found = {message: await store.ledger.find(message) for message in messages}
        return {message: " ".join(story.state for story in stories) for message, stories in found.items()}
    finally:
        await store.close()


def _partitions(settings: Settings) -> list[TopicPartition]:
    return [TopicPartition(settings.kafka.topic, number) for number in range(PARTITIONS)]
