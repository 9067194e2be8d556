"""The contract of EventSource and dead-letter topic: here on the embedded broker, in integration/ on Kafka."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self, TypeAlias, TypeVar

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from consumer.kafka.dead_letters import KafkaDeadLetters
from consumer.kafka.ports import CommitRefused, KafkaLogin, Partition, Rebalance, SourceError
from consumer.kafka.publisher import KafkaPublisher
from consumer.kafka.source import KafkaSource
from sandbox.broker import EmbeddedBroker
from storage.ledger import DeadLetter, Event, Place

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
    from types import TracebackType

PATIENCE_SECONDS = 30.0
PARTITIONS = 4
"""Partitions of each topic on the embedded broker."""
POISON = b"\xff\xfe{not json\x00"


class Member:
    """A member of a group that records everything."""

    def __init__(self, source: KafkaSource, topic: str, group: str) -> None:
        self.source = source
        self.topic = topic
        self.group = group
        self.ours: set[Partition] = set()
        self.story: list[str] = []
        self.records: list[Event] = []

    async def __aenter__(self) -> Self:
        await self.source.start(Rebalance(self.revoked, self.assigned))
        await self.until(lambda: bool(self.ours))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.source.stop()

    async def revoked(self, partitions: Collection[Partition]) -> None:
        """Record a revoke."""
        self.story.append("revoked")
        self.ours -= set(partitions)

    def assigned(self, partitions: Collection[Partition]) -> None:
        """Record an assignment."""
        self.story.append("assigned")
        self.ours |= set(partitions)

    async def until(self, met: Callable[[], bool]) -> None:
        """Take until a condition is met."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not met():
                self.records += await self.source.take() or ()

    async def take(self, count: int) -> list[Event]:
        """Return all events once so many have come."""
        await self.until(lambda: len(self.records) >= count)
        return self.records


M = TypeVar("M", bound=Member)


def a_member(
    kind: type[M],
    servers: str,
    topic: str,
    group: str = "",
    *,
    session_seconds: float = 30,
    max_poll_seconds: float = 300,
) -> M:
    """Build a member, by default of a group of its own."""
    group = group or f"group-{uuid.uuid4().hex}"
    source = KafkaSource(
        KafkaLogin(servers),
        topic,
        group,
        offset_reset="earliest",
        rebalance_seconds=20,
        session_seconds=session_seconds,
        max_poll_seconds=max_poll_seconds,
    )
    return kind(source, topic, group)


def member(servers: str, topic: str, group: str = "") -> Member:
    """Build a plain member."""
    return a_member(Member, servers, topic, group)


@asynccontextmanager
async def producing(servers: str, **options: object) -> AsyncIterator[AIOKafkaProducer]:
    """Run a plain producer."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, **options)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def put(servers: str, topic: str, *values: bytes, partition: int = 0) -> None:
    """Put values into a partition, in order."""
    async with producing(servers) as producer:
        for value in values:
            await producer.send_and_wait(topic, value, partition=partition)


def values(records: Collection[Event]) -> list[bytes | None]:
    """Return the values of records."""
    return [record.value for record in records]


NewTopic: TypeAlias = "Callable[[], Awaitable[str]]"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def members(servers: str, new_topic: NewTopic) -> AsyncIterator[Iterator[Member]]:
    """Members of groups and topics of their own, joined side by side: the embedded broker lets each wait for 3 s."""
    async with AsyncExitStack() as closing:
        made = [member(servers, await new_topic()) for _ in range(6)]
        yield iter(await asyncio.gather(*map(closing.enter_async_context, made)))


@pytest.mark.asyncio(loop_scope="module")
class EventSourceContract:
    """The suite; where a subclass stands, the fixtures `servers` and `new_topic` say which broker it is for."""

    async def test_bytes_come_as_they_were_put(self, servers: str, members: Iterator[Member]) -> None:
        """Key, value, headers and time are the record's own, poison and none included; a partition's come in order."""
        one = next(members)
        before = datetime.now(UTC) - timedelta(seconds=1)
        async with producing(servers) as producer:
            headers = [("trace", b"\x00\x01"), ("empty", b"")]
            await producer.send_and_wait(one.topic, POISON, key=b"chat", headers=headers, partition=1)
            await producer.send_and_wait(one.topic, None, key=b"tombstone", partition=1)
        await put(servers, one.topic, b"", partition=1)
        records = await one.take(3)
        assert values(records) == [POISON, None, b""]
        assert [record.place for record in records] == [Place(one.topic, 1, offset) for offset in range(3)]
        assert (records[0].key, records[0].headers) == (b"chat", tuple(headers))
        assert (records[2].key, records[2].headers) == (None, ())
        assert before <= datetime.fromtimestamp(records[0].at, UTC) <= datetime.now(UTC)
        assert "not json" not in repr(records[0])

    async def test_where_partitions_end(self, servers: str, members: Iterator[Member]) -> None:
        """A fetch tells where its partition ends; only partitions of ours have an end."""
        one = next(members)
        where = Partition(one.topic, 2)
        await put(servers, one.topic, b"zero", b"one", b"two", partition=2)
        await one.take(3)
        assert one.source.ends()[where] == 3
        assert set(one.source.ends()) <= one.ours

    async def test_a_group_goes_on_where_it_committed(self, servers: str, new_topic: NewTopic) -> None:
        """The next member begins at the committed offset, however much was taken; stopping commits nothing."""
        topic = await new_topic()
        await put(servers, topic, b"zero", b"one", b"two")
        # After a member has left, the embedded broker lets the next one wait for a session's length.
        async with a_member(Member, servers, topic, session_seconds=5) as first:
            await first.take(3)
            await first.source.commit({Partition(topic, 0): 1})
        async with member(servers, topic, first.group) as second:
            assert values(await second.take(2)) == [b"one", b"two"]

    async def test_nothing_comes_from_a_paused_partition(self, servers: str, members: Iterator[Member]) -> None:
        """While one partition is paused others go on, and nothing of it is lost or doubled."""
        one = next(members)
        paused = Partition(one.topic, 2)
        one.source.pause([paused])
        await put(servers, one.topic, b"a", b"b", partition=2)
        await put(servers, one.topic, b"c", partition=3)
        assert values(await one.take(1)) == [b"c"]
        one.source.resume([paused])
        assert values(await one.take(3)) == [b"c", b"a", b"b"]

    async def test_strangers_are_passed_over(self, members: Iterator[Member]) -> None:
        """A partition that is not ours is paused and resumed in vain, and committing it is refused."""
        one = next(members)
        stranger = Partition(one.topic, 99)
        one.source.pause([stranger])
        one.source.resume([stranger, Partition("elsewhere", 0)])
        with pytest.raises(CommitRefused):
            await one.source.commit({Partition(one.topic, 0): 1, stranger: 1})
        await one.source.commit({})
        assert not await one.source.take()
        await one.source.stop()
        one.source.pause([Partition(one.topic, 0)])
        with pytest.raises(CommitRefused):
            await one.source.commit({Partition(one.topic, 0): 1})

    async def test_a_cancelled_take_loses_nothing(self, servers: str, members: Iterator[Member]) -> None:
        """Records that were on their way to a take that was cancelled come with the next."""
        one = next(members)
        for number in range(5):
            taking = asyncio.create_task(one.source.take())
            await asyncio.sleep(0)
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)
            await put(servers, one.topic, b"%d" % number)
        assert values(await one.take(5)) == [b"0", b"1", b"2", b"3", b"4"]

    async def test_dead_letters_are_whole(self, servers: str, members: Iterator[Member]) -> None:
        """The dead-letter topic gets the record's key, bytes and headers, with its reason and origin."""
        reader = next(members)
        at = datetime(2026, 1, 2, tzinfo=UTC).timestamp()
        headers = (("trace", b"\x01"), ("voicememo-reason", b"an earlier death"))
        publisher = KafkaPublisher(KafkaLogin(servers))
        letters = KafkaDeadLetters(publisher, reader.topic)
        event = Event(Place("memos", 3, 42), at, b"chat", POISON, headers)
        nothing = Event(Place("memos", 3, 43), at, None, None)
        try:
            await letters.put(
                DeadLetter(event, "not-json", "parse", attempts=2, digest="0123456789ab", first_at=at + 1)
            )
            (letter,) = await reader.take(1)
            await letters.put(DeadLetter(nothing, "empty", "parse"))
            bare = (await reader.take(2))[1]
        finally:
            await publisher.close()
        assert (letter.key, letter.value) == (b"chat", POISON)
        told = dict(letter.headers)
        assert len(letter.headers) == len(told)
        assert datetime.fromisoformat(told.pop("voicememo-buried-at").decode()).tzinfo
        assert told == {
            "trace": b"\x01",
            "voicememo-reason": b"not-json",
            "voicememo-stage": b"parse",
            "voicememo-original-topic": b"memos",
            "voicememo-original-partition": b"3",
            "voicememo-original-offset": b"42",
            "voicememo-original-timestamp": b"2026-01-02T00:00:00.000+00:00",
            "voicememo-first-at": b"2026-01-02T00:00:01.000+00:00",
            "voicememo-attempts": b"2",
            "voicememo-traceback-digest": b"0123456789ab",
        }
        assert (bare.key, bare.value, dict(bare.headers)["voicememo-value-omitted"]) == (None, b"", b"null")

    async def test_published_events_say_where_they_are(self, servers: str, new_topic: NewTopic) -> None:
        """Publishing gives partition and offset; events with one key follow each other in one partition."""
        topic = await new_topic()
        publisher = KafkaPublisher(KafkaLogin(servers))
        try:
            places = [await publisher.publish(topic, key=b"chat", value=b"%d" % number) for number in range(3)]
        finally:
            await publisher.close()
        assert {where for where, _ in places} == {places[0][0]}
        assert [offset for _, offset in places] == [0, 1, 2]

    async def test_unreachable(self, unused_tcp_port: int) -> None:
        """A broker that cannot be reached is named, with what to check; the clients can be closed."""
        nowhere = f"127.0.0.1:{unused_tcp_port}"
        words = f"Kafka at {nowhere} .*nothing listens there; check KAFKA_BOOTSTRAP_SERVERS"
        lost = member(nowhere, "memos")
        publisher = KafkaPublisher(KafkaLogin(nowhere))
        with pytest.raises(SourceError, match=words):
            await lost.source.start(Rebalance(lost.revoked, lost.assigned))
        with pytest.raises(SourceError, match=words):
            await publisher.publish("memos", key=None, value=b"")
        await lost.source.stop()
        await publisher.close()


@pytest.fixture(scope="module")
def servers() -> Iterator[str]:
    """Where the broker listens."""
    with EmbeddedBroker() as broker:
        yield broker.bootstrap_servers


@pytest.fixture(scope="module")
def new_topic() -> NewTopic:
    """Return an unused topic name; the embedded broker creates the topic at its first use."""

    async def name() -> str:
        return f"topic-{uuid.uuid4().hex}"

    return name


class TestOnTheEmbeddedBroker(EventSourceContract):
    """The demo's broker."""
