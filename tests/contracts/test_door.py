"""The webhook door over HTTP, with a real producer on the embedded broker."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition

from consumer.kafka.ports import KafkaLogin
from consumer.kafka.publisher import KafkaPublisher
from consumer.webhook.metrics import WebhookLog, WebhookMetrics
from consumer.webhook.outcomes import DeliveryOutcome, Handled, Unpublished
from consumer.webhook.server import LIMITS, Limits, WebhookServer
from consumer.webhook.signatures import Verifier
from runtime.listening import ListenError
from sandbox.broker import EmbeddedBroker
from tests.contracts.webhooks import OLD_SECRET, SECRET, body_only, envelope, standard, timestamped, written

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from consumer.kafka.ports import Partition

PARTITIONS = 4
PATIENCE_SECONDS = 30.0
"""After which a test has failed, not a time that any test measures."""
TIMEOUT = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
HASTY = Limits(read_seconds=0.3, keep_seconds=0.3)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Entrance:
    """An open door, and what it takes to knock at it."""

    door: WebhookServer
    client: aiohttp.ClientSession
    metrics: WebhookMetrics
    topic: str
    servers: str
    handled: list[Handled | Unpublished] = field(default_factory=list)

    async def deliver(self, body: bytes | AsyncIterator[bytes], headers: Mapping[str, str]) -> tuple[int, str]:
        """Post a delivery; give status and words."""
        async with self.client.post("/webhook?version=2026-02-03", data=body, headers=headers) as response:
            return response.status, (await response.text()).strip()

    async def kept(self) -> list[Any]:
        """Return what is on the topic, partition by partition."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.servers, auto_offset_reset="earliest")
        await consumer.start()
        try:
            partitions = [TopicPartition(self.topic, number) for number in range(PARTITIONS)]
            consumer.assign(partitions)
            left = {each: end for each, end in (await consumer.end_offsets(partitions)).items() if end}
            found = []
            async with asyncio.timeout(PATIENCE_SECONDS):
                while any([await consumer.position(each) < end for each, end in left.items()]):
                    found += [one for some in (await consumer.getmany(timeout_ms=200)).values() for one in some]
            return found
        finally:
            await consumer.stop()


@asynccontextmanager
async def entrance(servers: str, *, limits: Limits = LIMITS, port: int = 0) -> AsyncIterator[Entrance]:
    """Open a door in front of a topic of its own."""
    async with AsyncExitStack() as closing:
        publisher = KafkaPublisher(KafkaLogin(servers))
        closing.push_async_callback(publisher.close)
        topic, metrics = f"topic-{uuid.uuid4().hex}", WebhookMetrics()
        handled: list[Handled | Unpublished] = []
        door = WebhookServer(
            publisher,
            topic,
            Verifier((SECRET, OLD_SECRET), 300),
            metrics,
            WebhookLog(),
            handled.append,
            host="127.0.0.1",
            port=port,
            path="/webhook",
            limits=limits,
        )
        metrics.watch(door)
        await door.open()
        closing.push_async_callback(door.close)
        url = f"http://127.0.0.1:{door.port}"
        client = await closing.enter_async_context(aiohttp.ClientSession(url, timeout=TIMEOUT))
        yield Entrance(door, client, metrics, topic, servers, handled)


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """Something that takes connections, and never says a word: a broker behind a broken network."""
    writers = []

    async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await server.wait_closed()


@pytest.fixture(scope="module")
def servers() -> Iterator[str]:
    """Where the embedded broker listens."""
    with EmbeddedBroker() as broker:
        yield broker.bootstrap_servers


@pytest_asyncio.fixture(loop_scope="module")
async def entered(servers: str) -> AsyncIterator[Entrance]:
    """An open door."""
    async with entrance(servers) as opened:
        yield opened


async def test_every_scheme_gets_in(entered: Entrance) -> None:
    """Deliveries of v3 by either set of headers and of v2 are on the topic: the bytes, the chat as key, the id."""
    body = written("chat-1", "hello")
    older = b'{"event_id": "event-2", "event_type": "message.received", "data": {"id": "1", "chat_id": "88"}}'
    assert await entered.deliver(body, standard(body, "delivery-1") | timestamped(body)) == (200, "kept")
    assert await entered.deliver(older, timestamped(older) | {"webhook-id": "not signed"}) == (200, "kept")
    assert await entered.deliver(older, body_only(older)) == (200, "kept")
    found = [(each.value, each.key, each.headers) for each in await entered.kept()]
    again = (older, b"88", (("webhook-id", b"event-2"),))
    assert sorted(found) == sorted([(body, b"chat-1", (("webhook-id", b"delivery-1"),)), again, again])
    assert [each.scheme for each in entered.handled if isinstance(each, Handled)] == ["standard", "timestamped", "body"]


async def test_a_chat_stays_in_one_partition_and_in_order(entered: Entrance) -> None:
    """What is delivered one after the other in a chat is so on the topic."""
    bodies: dict[str, list[bytes]] = {}
    for number in range(24):
        chat = f"chat-{number % 6}"
        body = written(chat, f"number {number}")
        bodies.setdefault(chat, []).append(body)
        assert (await entered.deliver(body, standard(body, f"d-{number}")))[0] == 200
    found = await entered.kept()
    for chat, said in bodies.items():
        mine = [each for each in found if each.key == chat.encode()]
        assert [each.value for each in mine] == said
        assert len({each.partition for each in mine}) == 1
    assert len({each.partition for each in found}) > 1


async def test_what_is_not_genuine_is_refused(entered: Entrance, caplog: pytest.LogCaptureFixture) -> None:
    """Forged, unsigned, old and future deliveries are refused with 401, and nothing of them is kept or logged."""
    caplog.set_level(logging.DEBUG)
    body = written("chat-of-a-forger", "send me all your money")
    now = time.time()
    other = "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldCBrZXk="
    told = [
        await entered.deliver(body, standard(body, "d", secret=other)),
        await entered.deliver(body + b" ", standard(body, "d")),
        await entered.deliver(body, {}),
        await entered.deliver(body, standard(body, "d", at=now - 400)),
        await entered.deliver(body, standard(body, "d", at=now + 400)),
    ]
    assert told == [(401, "forged"), (401, "forged"), (401, "unsigned"), (401, "stale"), (401, "early")]
    assert await entered.kept() == []
    assert [record.message for record in caplog.records if record.name == "consumer.webhook.metrics"] == [
        "webhook.refused"
    ] * 4
    logged = " ".join(f"{record.message} {record.__dict__}" for record in caplog.records)
    assert "money" not in logged
    assert "chat-of-a-forger" not in logged


@pytest.mark.parametrize("content_type", ["application/json", "text/plain; charset=ascii", "image/png", "?"])
async def test_the_content_type_does_not_matter(entered: Entrance, content_type: str) -> None:
    """A genuine delivery is one whatever it is called."""
    body = written("chat", "hello")
    assert (await entered.deliver(body, standard(body, "d") | {"Content-Type": content_type}))[0] == 200
    assert [each.value for each in await entered.kept()] == [body]


@pytest.mark.parametrize(
    ("body", "headers", "key", "lacking"),
    [
        (b'{"data": {"chat_id": "8', standard, b"d-1", "not-json"),
        (b"[1]", standard, b"d-1", "not-an-object"),
        (b"", standard, b"d-1", "empty"),
        (envelope("phone_number.status_updated", "event-1", {}), standard, b"d-1", "no-chat"),
        (envelope("phone_number.status_updated", "event-1", {}), timestamped, b"event-1", "no-chat"),
        (b"{", timestamped, b"body-021fb596db81e6d02bf3d2586ee3981f", "not-json"),
    ],
)
async def test_what_is_genuine_and_unreadable_is_kept(
    entered: Entrance, body: bytes, headers: object, key: bytes, lacking: str
) -> None:
    """A delivery that no chat can be read from is kept as it is, keyed by its own id, and counted."""
    signed = standard(body, "d-1") if headers is standard else timestamped(body)
    assert await entered.deliver(body, signed) == (200, "kept")
    assert [(each.value, each.key) for each in await entered.kept()] == [(body, key)]
    counted = f'voicememo_webhook_unaddressed_total{{lacking="{lacking}"}} 1.0'
    assert counted in entered.metrics.exposition().decode()


async def test_too_large_is_refused_unread(entered: Entrance) -> None:
    """More than a topic takes is refused, as soon as it is announced or has come."""
    body = b" " * 1_000_001

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    assert await entered.deliver(body, standard(body, "d")) == (413, "too-large")
    assert await entered.deliver(pieces(), standard(body, "d")) == (413, "too-large")
    largest = body[1:]
    assert await entered.deliver(largest, standard(largest, "d")) == (200, "kept")
    assert entered.door.capacity.requests == entered.door.capacity.size == 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/webhook", 405), ("PUT", "/webhook", 405), ("POST", "/", 404), ("POST", "/webhook/", 404)],
)
async def test_nothing_else_is_served(entered: Entrance, method: str, path: str, status: int) -> None:
    """There is one path, and one thing to do there; metrics and the like are elsewhere."""
    async with entered.client.request(method, path) as response:
        assert response.status == status


async def test_kafka_that_is_away_means_come_again(unused_tcp_port: int, caplog: pytest.LogCaptureFixture) -> None:
    """Without Kafka a genuine delivery is answered 503, with when to come again, and a forged one still 401."""
    body = written("chat", "hello")
    async with entrance(f"127.0.0.1:{unused_tcp_port}") as opened:
        async with opened.client.post("/webhook", data=body, headers=standard(body, "d")) as response:
            assert (response.status, await response.text()) == (503, "kafka-away\n")
            assert response.headers["Retry-After"] == "5"
        assert await opened.deliver(body, {}) == (401, "unsigned")
    (said,) = (record for record in caplog.records if record.message == "webhook.unpublished")
    assert "nothing listens there; check KAFKA_BOOTSTRAP_SERVERS" in said.__dict__["reason"]


async def test_kafka_that_is_slow_means_come_again() -> None:
    """When Kafka does not answer in time, the delivery is answered 503, and holds its room until it is let go."""
    body = written("chat", "hello")
    async with silent_server() as nowhere, entrance(nowhere, limits=HASTY) as opened:
        assert await opened.deliver(body, standard(body, "d")) == (503, "kafka-slow")
        assert (opened.door.capacity.requests, opened.door.capacity.size) == (1, len(body))
        assert "voicememo_webhook_held 1.0" in opened.metrics.exposition().decode()
    assert (opened.door.capacity.requests, opened.door.capacity.size) == (0, 0)


@pytest.mark.parametrize(
    "limits",
    [Limits(requests=2, keep_seconds=0.3), Limits(size=2_000, keep_seconds=0.3)],
)
async def test_too_much_at_once_means_come_again(limits: Limits) -> None:
    """Beyond what may be in hand deliveries are answered 429, with when to come again."""
    body = written("chat", "x" * 500)
    assert 2_000 // len(body) == 2
    async with silent_server() as nowhere, entrance(nowhere, limits=limits) as opened:
        told = await asyncio.gather(*(opened.deliver(body, standard(body, f"d-{number}")) for number in range(5)))
        assert sorted(told) == [(429, "busy")] * 3 + [(503, "kafka-slow")] * 2
        async with opened.client.post("/webhook", data=body, headers=standard(body, "d")) as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "1")


async def test_a_body_that_does_not_come_holds_nothing_up(servers: str, caplog: pytest.LogCaptureFixture) -> None:
    """Who sends half a body is answered 503 in time, or let go when he goes; no room is lost."""
    async with entrance(servers, limits=HASTY) as opened:
        head = b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
        reader, writer = await asyncio.open_connection("127.0.0.1", opened.door.port)
        writer.write(head)
        assert (await reader.readline()).startswith(b"HTTP/1.1 503 ")
        writer.close()
        _, gone = await asyncio.open_connection("127.0.0.1", opened.door.port)
        gone.write(head)
        await gone.drain()
        gone.transport.abort()
        reader, broken = await asyncio.open_connection("127.0.0.1", opened.door.port)
        broken.write(b"POST /webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n")
        assert b" 400 " in await reader.readline()
        broken.close()
    assert "aiohttp.server" not in {record.name for record in caplog.records}
    assert "127.0.0.1" not in caplog.text
    assert (opened.door.capacity.requests, opened.door.capacity.size) == (0, 0)


async def test_closing_lets_a_delivery_in_hand_end(servers: str) -> None:
    """A delivery that is half read when the door closes is read, kept and answered; no further one gets in."""
    body = written("chat", "hello")
    async with entrance(servers) as opened:
        headers = {"Host": "x", "Content-Length": str(len(body)), **standard(body, "d")}
        head = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
        reader, writer = await asyncio.open_connection("127.0.0.1", opened.door.port)
        writer.write(f"POST /webhook HTTP/1.1\r\n{head}\r\n".encode() + body[:10])
        while not opened.door.capacity.requests:  # noqa: ASYNC110 (a socket's other end)
            await asyncio.sleep(0.001)
        closing = asyncio.create_task(opened.door.close())
        refused = False
        while not refused:
            try:
                _, other = await asyncio.open_connection("127.0.0.1", opened.door.port)
                other.close()
            except OSError:
                refused = True
        assert not closing.done()
        writer.write(body[10:])
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        await closing
        writer.close()
        assert [each.value for each in await opened.kept()] == [body]


class Broken:
    """A publisher with a bug."""

    async def publish(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> tuple[Partition, int]:
        """Fail as no publisher should."""
        raise ZeroDivisionError(f"{topic} {key!r} {value!r} {headers}")


async def test_a_bug_is_no_answer_to_a_delivery(caplog: pytest.LogCaptureFixture) -> None:
    """A bug of ours is answered 500, so that the delivery is repeated; it is logged without addresses."""
    door = WebhookServer(Broken(), "t", Verifier((SECRET,), 300), host="127.0.0.1", port=0, path="/webhook")
    await door.open()
    body = written("chat", "hello")
    url = f"http://127.0.0.1:{door.port}/webhook"
    async with (
        aiohttp.ClientSession(timeout=TIMEOUT) as client,
        client.post(url, data=body, headers=standard(body, "d")) as response,
    ):
        assert response.status == 500
    await door.close()
    (said,) = caplog.records
    assert (said.name, said.levelname, said.getMessage()) == ("consumer.webhook.http", "ERROR", "webhook.broke")
    assert said.exc_info
    assert said.exc_info[0] is ZeroDivisionError
    assert door.capacity.requests == door.capacity.size == 0


async def test_a_taken_port_is_reported_by_its_variable(entered: Entrance) -> None:
    """The error of a second door names the variable to change."""
    with pytest.raises(ListenError, match=f"WEBHOOK_PORT {entered.door.port} is taken on 127.0.0.1"):
        async with entrance(entered.servers, port=entered.door.port):
            raise AssertionError("two doors at one port")


async def test_rubbish_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Of each outcome at most one line in ten seconds is written, with how many there were."""
    caplog.set_level(logging.INFO)
    ticks = iter([0.0, *[1.0] * 9, 11.0, 12.0])
    tell = WebhookLog(clock=lambda: next(ticks))
    for _ in range(11):
        tell(Handled(DeliveryOutcome.FORGED, 0.0))
    tell(Unpublished("no answer came in time"))
    assert [(record.message, record.__dict__["times"]) for record in caplog.records] == [
        ("webhook.refused", 1),
        ("webhook.refused", 10),
        ("webhook.unpublished", 1),
    ]
