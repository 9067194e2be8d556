"""The Kafka event source: aiokafka 0.14, with a remark at each of its traps."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka import errors as kafka_errors
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from consumer.kafka.client import FAILURES, MAX_EVENT_BYTES, close_client, milliseconds, open_client, unusable_error
from consumer.kafka.ports import CommitRefused, Partition
from storage.ledger import Event, Place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from consumer.kafka.ports import KafkaLogin, Rebalance

_TAKE_SECONDS = 0.2
_TAKE_RECORDS = 100
_REQUEST_SECONDS = 40.0
_JOIN_MARGIN_SECONDS = 10.0
_METADATA_SECONDS = 60.0
_LOOK_SECONDS = 1.0
_COMMIT_SECONDS = 5.0
_AHEAD_MILLISECONDS = 86_400_000.0
"""A day, for wrong clocks; a time further ahead is in another unit, or none."""

log = logging.getLogger(__name__)


class KafkaSource(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka ships no types
    """One member of a consumer group, as an EventSource. Each assignment begins with nothing paused.

    A loop blocked for `session_seconds` sends no heartbeats and loses its membership. The group waits
    `rebalance_seconds` for this member in a rebalance. After `max_poll_seconds` without take() the member leaves.
    """

    def __init__(
        self,
        login: KafkaLogin,
        topic: str,
        group_id: str,
        *,
        offset_reset: str,
        rebalance_seconds: float,
        session_seconds: float = 30.0,
        max_poll_seconds: float = 300.0,
    ) -> None:
        self._login = login
        self._topic = topic
        self._group_id = group_id
        self._offset_reset = offset_reset
        self._rebalance_seconds = rebalance_seconds
        self._session_seconds = session_seconds
        self._max_poll_seconds = max_poll_seconds
        self._consumer: Any = None
        self._rebalance: Rebalance | None = None
        self._epoch = 0  # grows whenever partitions come or go
        # Our own record: aiokafka's assignment() shows the old partitions all through a rebalance.
        self._ours: frozenset[Partition] = frozenset()
        self._fetching: asyncio.Task[tuple[int, list[Event]]] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None  # what the worker raised in a rebalance

    async def start(self, rebalance: Rebalance) -> None:
        """Connect and begin to join the group. Raises SourceError."""
        self._rebalance = rebalance
        self._consumer = AIOKafkaConsumer(
            **self._login.options(),
            group_id=self._group_id,
            # Raw bytes: a deserializer that raises would fail its whole batch for ever.
            key_deserializer=None,
            value_deserializer=None,
            # The default, "latest", loses what came before the first commit.
            auto_offset_reset=self._offset_reset,
            # Auto-commit commits what was fetched, not what was finished.
            enable_auto_commit=False,
            # An event of an aborted transaction never happened.
            isolation_level="read_committed",
            # Exactly one: a list of several sends one JoinGroup for each. Sticky would not help, for a rebalance takes
            # all partitions away with any of them; and it keeps its state in its class, for all members of a process.
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            session_timeout_ms=milliseconds(self._session_seconds),
            heartbeat_interval_ms=milliseconds(self._session_seconds / 10),
            max_poll_interval_ms=milliseconds(self._max_poll_seconds),
            # Unset, this would be the session timeout, and a drain longer than that would cost the partition.
            rebalance_timeout_ms=milliseconds(self._rebalance_seconds),
            # A JoinGroup is answered when all others have given up theirs: it must not time out before they have to.
            request_timeout_ms=milliseconds(max(_REQUEST_SECONDS, self._rebalance_seconds + _JOIN_MARGIN_SECONDS)),
            metadata_max_age_ms=milliseconds(_METADATA_SECONDS),
            max_partition_fetch_bytes=MAX_EVENT_BYTES,
            fetch_max_bytes=MAX_EVENT_BYTES,
        )
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self.stop)
            # Before subscribe(): with a topic, start() would wait for the whole join, and fail without the topic.
            await open_client(self._login, self._consumer.start())
            undo.pop_all()
        self._consumer.subscribe([self._topic], listener=self)

    async def take(self) -> Sequence[Event] | None:
        """Return new events; None while a fetch hangs. Raises SourceError, and what the callbacks raised."""
        if self._failure is not None:
            raise self._failure
        # A cancelled getmany would leak its fetch count, and max.poll protection with it; and it blocks through a
        # rebalance. So it has a task of its own, which is waited for again next time.
        fetching = self._fetching = self._fetching or asyncio.ensure_future(self._fetch())
        done, _ = await asyncio.wait({fetching}, timeout=2 * _TAKE_SECONDS)
        if not done:
            return None
        self._fetching = None
        try:
            epoch, records = fetching.result()
        except FAILURES as error:
            raise unusable_error(self._login, error) from error
        # Events fetched before partitions changed are dropped: their offsets would be taken for those of the new
        # assignment, which begins at the committed offset and so fetches them again.
        return records if epoch == self._epoch else []

    def pause(self, partitions: Collection[Partition]) -> None:
        """Take nothing from these until resume(), which fetches again."""
        if ours := self._ours.intersection(partitions):
            self._consumer.pause(*(TopicPartition(*each) for each in ours))

    def resume(self, partitions: Collection[Partition]) -> None:
        """Take from these again."""
        if ours := self._ours.intersection(partitions):
            self._consumer.resume(*(TopicPartition(*each) for each in ours))

    def ends(self) -> Mapping[Partition, int]:
        """Return the high watermark of each of our partitions, as of its latest fetch."""
        if self._consumer is None:
            return {}
        # The client raises for a partition that it has lost.
        assigned = self._ours & {Partition(*each) for each in self._consumer.assignment()}
        ends = {partition: self._consumer.highwater(TopicPartition(*partition)) for partition in assigned}
        return {partition: end for partition, end in ends.items() if end is not None}

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit these offsets and no others. Raises CommitRefused, SourceError."""
        if not offsets:  # without an argument aiokafka commits everything fetched
            return
        if not self._ours.issuperset(offsets):
            raise CommitRefused("a partition is not ours")
        try:
            async with asyncio.timeout(_COMMIT_SECONDS):  # aiokafka itself would try for ever
                await self._consumer.commit({TopicPartition(*each): offset for each, offset in offsets.items()})
        except (kafka_errors.CommitFailedError, kafka_errors.IllegalStateError) as error:
            raise CommitRefused("the group has moved on") from error
        except FAILURES as error:
            raise unusable_error(self._login, error) from error

    async def stop(self) -> None:
        """Leave the group, without a commit or a callback."""
        consumer, self._consumer = self._consumer, None
        if consumer is None:
            return
        self._ours = frozenset()
        await close_client(consumer.stop(), consumer._client)  # noqa: SLF001 (see close_client)
        tasks = [task for task in (self._fetching, self._looking) if task is not None]
        self._fetching = self._looking = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Await the worker while heartbeats go on; aiokafka always revokes all partitions."""
        partitions = [Partition(*each) for each in revoked]
        if self._consumer is None or self._rebalance is None or not partitions:
            return
        self._epoch += 1
        try:
            with self._surfacing():
                await self._rebalance.revoked(partitions)
        finally:
            self._ours = frozenset()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Call the worker without waiting: no heartbeat is sent meanwhile, and records come as soon as this waits."""
        if self._consumer is None or self._rebalance is None:
            return
        self._epoch += 1
        self._ours = frozenset(Partition(*each) for each in assigned)
        if not self._consumer.partitions_for_topic(self._topic) and self._looking is None:
            log.warning("topic.absent", extra={"topic": self._topic})
            self._looking = asyncio.ensure_future(self._look(self._consumer))
        with self._surfacing():
            self._rebalance.assigned(sorted(self._ours))

    @contextmanager
    def _surfacing(self) -> Iterator[None]:
        """Keep what the block raises for take(), since aiokafka swallows what its listeners raise."""
        try:
            yield
        except Exception as error:
            self._failure = self._failure or error
            raise

    async def _fetch(self) -> tuple[int, list[Event]]:
        # No partition named means all of ours that are not paused.
        batches = await self._consumer.getmany(timeout_ms=milliseconds(_TAKE_SECONDS), max_records=_TAKE_RECORDS)
        return self._epoch, [_event(record) for batch in batches.values() for record in batch]

    async def _look(self, consumer: Any) -> None:  # noqa: ANN401 (aiokafka ships no types)
        # aiokafka itself would look for the topic when its metadata is old.
        while not consumer.partitions_for_topic(self._topic):
            await asyncio.sleep(_LOOK_SECONDS)
            await consumer._client.force_metadata_update()  # noqa: SLF001 (nothing public asks the brokers again)
        self._looking = None


def _event(record: Any) -> Event:  # noqa: ANN401 (aiokafka ships no types)
    return Event(
        place=Place(record.topic, record.partition, record.offset),
        at=_seconds(record.timestamp),
        key=record.key,
        value=record.value,
        headers=tuple((name, value or b"") for name, value in record.headers),
    )


def _seconds(timestamp: int | None) -> float:
    # A producer may write anything there; what cannot be a time becomes now.
    now = time.time()
    latest = now * 1000 + _AHEAD_MILLISECONDS
    return timestamp / 1000 if timestamp and 0 < timestamp < latest else now
