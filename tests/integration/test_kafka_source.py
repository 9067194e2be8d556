"""The Kafka adapter on real brokers: the contract, and what only a real group coordinator can show."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import TYPE_CHECKING

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from consumer.kafka.client import partition_count
from consumer.kafka.dead_letters import KafkaDeadLetters
from consumer.kafka.ports import CommitRefused, KafkaLogin, Partition, Rebalance, SourceError, partition_of
from consumer.kafka.publisher import KafkaPublisher
from consumer.kafka.source import KafkaSource
from consumer.worker.offsets import PrefixTracker
from sandbox.broker import EmbeddedBroker
from storage.ledger import DeadLetter, Event, Place
from tests.contracts.test_event_source import (
    PARTITIONS,
    PATIENCE_SECONDS,
    EventSourceContract,
    Member,
    a_member,
    member,
    members,  # noqa: F401 (the suite's fixture)
    producing,
    put,
    values,
)
from tests.integration.kafka.broker import PASSWORD, USERNAME

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from tests.integration.kafka.broker import RealKafka

SESSION_SECONDS = 5
"""Heartbeats come ten times as often, and with them the news of a rebalance."""

pytestmark = [pytest.mark.kafka, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def servers(kafka: RealKafka) -> str:
    """Where the broker listens."""
    return kafka.bootstrap_servers


@pytest.fixture(scope="module")
def new_topic(servers: str) -> Callable[[], Awaitable[str]]:
    """Make an unused topic."""

    async def make() -> str:
        return await create(servers, f"topic-{uuid.uuid4().hex}")

    return make


async def create(servers: str, topic: str, **settings: str) -> str:
    """Make a topic, and give its name."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1, topic_configs=settings)])
    finally:
        await admin.close()
    return topic


def all_of(topic: str) -> set[Partition]:
    """Give the partitions of a topic."""
    return {Partition(topic, number) for number in range(PARTITIONS)}


async def together(one: Member, other: Member, met: Callable[[], bool]) -> None:
    """Let both take until something is so."""
    await asyncio.gather(one.until(met), other.until(met))


class TestOnKafka(EventSourceContract):
    """The contract."""


class Reluctant(Member):
    """Lets go only when it may."""

    def __init__(self, source: KafkaSource, topic: str, group: str) -> None:
        super().__init__(source, topic, group)
        self.asked = asyncio.Event()
        self.may_go = asyncio.Event()
        self.last_words: Callable[[], Awaitable[None]] | None = None

    async def revoked(self, partitions: Collection[Partition]) -> None:
        """Say that we were asked; wait; have the last words."""
        self.asked.set()
        await self.may_go.wait()
        if self.last_words is not None:
            await self.last_words()
        await super().revoked(partitions)


async def in_hand(one: Member) -> list[Event]:
    """Have records arrive for a take that is not finished."""
    while True:
        taking = asyncio.create_task(one.source.take())
        await asyncio.sleep(0)
        taking.cancel()
        fetching = one.source._fetching
        assert fetching is not None
        _, records = await fetching
        if records:
            return records
        await one.source.take()


async def test_partitions_change_hands_in_order(servers: str, new_topic: Callable[[], Awaitable[str]]) -> None:
    """Nobody gets a partition before its holder has let go; the last commit counts, and no pause is left.

    Takes return meanwhile, with nothing.
    """
    topic = await new_topic()
    for number in range(PARTITIONS):
        await put(servers, topic, b"first", b"second", partition=number)
    async with a_member(Reluctant, servers, topic, session_seconds=SESSION_SECONDS) as first:
        await first.take(2 * PARTITIONS)
        second = a_member(Member, servers, topic, first.group, session_seconds=SESSION_SECONDS)
        await second.source.start(Rebalance(second.revoked, second.assigned))
        first.source.pause(all_of(topic))
        try:
            await first.until(first.asked.is_set)
            for _ in range(5):
                assert not await first.source.take()
            assert (first.ours, second.ours) == (all_of(topic), set())
            first.last_words = lambda: first.source.commit(dict.fromkeys(all_of(topic), 1))
            first.may_go.set()
            await together(first, second, met=lambda: first.ours | second.ours == all_of(topic) and bool(second.ours))
            assert not first.ours & second.ours
            await together(first, second, met=lambda: len(first.records) + len(second.records) >= 3 * PARTITIONS)
        finally:
            await second.source.stop()
    again = [*first.records[2 * PARTITIONS :], *second.records]
    assert set(map(partition_of, again)) == all_of(topic)
    assert values(again) == [b"second"] * PARTITIONS
    assert first.story == ["assigned", "revoked", "assigned"]


async def test_what_was_in_hand_before_a_rebalance_is_fetched_again(
    servers: str, new_topic: Callable[[], Awaitable[str]]
) -> None:
    """Records that arrived for an unfinished take are not delivered into the next assignment."""
    topic = await new_topic()
    async with a_member(Member, servers, topic, session_seconds=SESSION_SECONDS) as first:
        for number in range(PARTITIONS):
            await put(servers, topic, b"%d" % number, partition=number)
        assert await in_hand(first)
        async with member(servers, topic, first.group) as second:
            await together(first, second, met=lambda: len(first.records) + len(second.records) >= PARTITIONS)
            assert set(map(partition_of, first.records)) == first.ours
            assert set(map(partition_of, second.records)) == second.ours
    assert sorted(map(bytes.decode, filter(None, values([*first.records, *second.records])))) == ["0", "1", "2", "3"]


async def test_a_commit_from_the_past_is_refused(servers: str, new_topic: Callable[[], Awaitable[str]]) -> None:
    """A member that the group has given up may not commit, though it has not heard of that yet."""
    topic = await new_topic()
    refused: list[bool] = []
    async with a_member(Reluctant, servers, topic, session_seconds=SESSION_SECONDS, max_poll_seconds=1) as idle:

        async def commit() -> None:
            with pytest.raises(CommitRefused):
                await idle.source.commit({Partition(topic, 0): 1})
            refused.append(True)

        idle.last_words = commit
        async with member(servers, topic, idle.group) as other:
            # It takes no more, and so has left the group by the time that it is asked to let go.
            await other.until(lambda: other.ours == all_of(topic))
            idle.may_go.set()
            await other.until(lambda: bool(refused))
            with pytest.raises(CommitRefused):
                await idle.source.commit({Partition(topic, 0): 1})


async def test_gaps_of_transactions_are_jumped(servers: str, new_topic: Callable[[], Awaitable[str]]) -> None:
    """Aborted events never happened; their offsets and the markers' hold up no commit, and nothing comes twice."""
    topic = await new_topic()
    where = Partition(topic, 0)
    async with producing(servers, transactional_id=topic) as producer:
        for values_, aborts in (((b"a", b"b"), False), ((b"never",), True), ((b"c",), False), ((b"never",), True)):
            await producer.begin_transaction()
            for value in values_:
                await producer.send_and_wait(topic, value, partition=0)
            await (producer.abort_transaction() if aborts else producer.commit_transaction())
    await put(servers, topic, b"d")
    tracker = PrefixTracker()
    async with member(servers, topic) as one:
        tracker.assign(where)
        records = await one.take(4)
        assert [(record.value, record.place.offset) for record in records] == [
            (b"a", 0),
            (b"b", 1),
            (b"c", 5),
            (b"d", 9),
        ]
        receptions = [tracker.mark_received(where, record.place.offset) for record in records]
        for record, reception in reversed(list(zip(records, receptions, strict=True))):
            assert reception is not None
            tracker.mark_finished(where, record.place.offset, reception)
        await one.source.commit(tracker.committable())
    await put(servers, topic, b"e")
    async with member(servers, topic, one.group) as next_one:
        assert values(await next_one.take(1)) == [b"e"]


async def test_a_topic_that_is_not_there_yet(servers: str, caplog: pytest.LogCaptureFixture) -> None:
    """A missing topic is reported once and waited for; when it is made, its events come."""
    topic = f"late-{uuid.uuid4().hex}"
    assert await partition_count(KafkaLogin(servers), topic) is None
    early = member(servers, topic)
    with caplog.at_level(logging.WARNING, "consumer.kafka.source"):
        await early.source.start(Rebalance(early.revoked, early.assigned))
        try:
            await early.until(lambda: bool(early.story))
            assert (early.story, early.ours) == (["assigned"], set())
            await create(servers, topic)
            await early.until(lambda: early.ours == all_of(topic))
            await put(servers, topic, b"at last")
            assert values(await early.take(1)) == [b"at last"]
        finally:
            await early.source.stop()
    assert [record.getMessage() for record in caplog.records if record.name == "consumer.kafka.source"] == [
        "topic.absent"
    ]
    assert await partition_count(KafkaLogin(servers), topic) == PARTITIONS


async def test_what_the_worker_raises_in_a_rebalance_is_not_swallowed(
    servers: str, new_topic: Callable[[], Awaitable[str]]
) -> None:
    """An error in a function of the Rebalance comes out of the next take."""

    class Broken(Member):
        def assigned(self, partitions: Collection[Partition]) -> None:
            super().assigned(partitions)
            raise ZeroDivisionError

    async with a_member(Broken, servers, await new_topic()) as broken:
        with pytest.raises(ZeroDivisionError):
            await broken.source.take()


async def test_a_dead_letter_that_is_too_large(servers: str) -> None:
    """An event that the dead-letter topic does not take is kept there without its bytes, with where they are."""
    topic = await create(servers, f"small-{uuid.uuid4().hex}", **{"max.message.bytes": "1000"})
    publisher = KafkaPublisher(KafkaLogin(servers))
    try:
        async with member(servers, topic) as reader:
            event = Event(Place("memos", 1, 7), 0.0, b"chat", b"x" * 5000)
            await KafkaDeadLetters(publisher, topic).put(DeadLetter(event, "bug", "hear"))
            (letter,) = await reader.take(1)
    finally:
        await publisher.close()
    told = dict(letter.headers)
    assert (letter.key, letter.value, told["voicememo-value-omitted"]) == (b"chat", b"", b"too-large")
    assert (told["voicememo-original-partition"], told["voicememo-original-offset"]) == (b"1", b"7")


@pytest.mark.parametrize(
    ("listener", "login", "words"),
    [
        ("sasl", {"security_protocol": "SASL_PLAINTEXT", "password": "wrong-one"}, "check KAFKA_SASL_USERNAME"),
        ("sasl", {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "SCRAM-SHA-512"}, "check .*SASL_MECHANISM"),
        ("sasl", {"security_protocol": "PLAINTEXT"}, "check .*KAFKA_SECURITY_PROTOCOL"),
        ("plain", {"security_protocol": "SASL_PLAINTEXT"}, "check KAFKA_SECURITY_PROTOCOL"),
        ("plain", {"security_protocol": "SASL_SSL"}, "check .*KAFKA_SECURITY_PROTOCOL"),
    ],
)
async def test_a_wrong_login_is_reported(kafka: RealKafka, listener: str, login: dict[str, str], words: str) -> None:
    """A login that does not fit the broker is reported with the variable to check, and never with a credential."""
    servers = kafka.sasl_servers if listener == "sasl" else kafka.bootstrap_servers
    wrong = KafkaLogin(**{"bootstrap_servers": servers, "username": USERNAME, "password": PASSWORD, **login})
    lost = Member(KafkaSource(wrong, "memos", "group", offset_reset="earliest", rebalance_seconds=20), "memos", "group")
    with pytest.raises(SourceError, match=words) as told:
        await lost.source.start(Rebalance(lost.revoked, lost.assigned))
    with pytest.raises(SourceError, match=words):
        await partition_count(wrong, "memos")
    assert wrong.password is not None
    for said in (str(told.value), repr(told.value.__cause__), repr(wrong)):
        assert wrong.password not in said
        assert USERNAME not in said.replace("client_id='voicememo'", "")


async def test_the_right_login_serves(kafka: RealKafka, new_topic: Callable[[], Awaitable[str]]) -> None:
    """With credentials events go in and come out as without."""
    login = KafkaLogin(kafka.sasl_servers, security_protocol="SASL_PLAINTEXT", username=USERNAME, password=PASSWORD)
    topic = await new_topic()
    publisher = KafkaPublisher(login)
    try:
        await publisher.publish(topic, key=None, value=b"inside")
    finally:
        await publisher.close()
    source = KafkaSource(login, topic, topic, offset_reset="earliest", rebalance_seconds=20)
    async with Member(source, topic, topic) as one:
        assert values(await one.take(1)) == [b"inside"]


async def test_a_topic_that_nobody_made_takes_nothing(servers: str) -> None:
    """Publishing to a missing topic says so, and the publisher goes on with others."""
    publisher = KafkaPublisher(KafkaLogin(servers))
    try:
        with pytest.raises(SourceError, match="the topic does not exist; create it"):
            await publisher.publish(f"missing-{uuid.uuid4().hex}", key=None, value=b"x")
        topic = await create(servers, f"topic-{uuid.uuid4().hex}")
        assert (await publisher.publish(topic, key=None, value=b"x"))[1] == 0
    finally:
        await publisher.close()


async def test_a_broker_that_goes_away() -> None:
    """Without its broker a member takes nothing, reports that it cannot commit, and can leave."""
    before = asyncio.all_tasks()
    with EmbeddedBroker() as broker:
        one = member(broker.bootstrap_servers, "memos")
        await one.__aenter__()
    assert not await one.source.take()
    with pytest.raises(SourceError):
        await one.source.commit({Partition("memos", 0): 1})
    assert not await one.source.take()
    await one.source.stop()
    left = asyncio.all_tasks() - before
    assert not left or not (await asyncio.wait(left, timeout=PATIENCE_SECONDS))[1]
