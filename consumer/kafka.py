"""Kafka behind the ports: aiokafka 0.14, with each of its traps met where it stands."""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from consumer.source import CommitRefused, Partition, Record, SourceError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from consumer.source import Rebalance

_TAKE_MILLISECONDS = 200
_TAKE_RECORDS = 100
_SESSION_MILLISECONDS = 30_000
_HEARTBEAT_MILLISECONDS = 3_000
_MAX_POLL_MILLISECONDS = 300_000
_COMMIT_SECONDS = 10.0
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_PUBLISH_SECONDS = 15.0
_MAX_EVENT_BYTES = 48 * 1024 * 1024
"""A 25 MiB recording in base64, with its envelope."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KafkaLogin:
    """How to reach the brokers; its repr tells no password."""

    bootstrap_servers: str
    client_id: str = "voicememo"
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "PLAIN"
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def options(self) -> dict[str, Any]:
        """Give the arguments that every aiokafka client takes; TLS trusts the system's own authorities."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "client_id": self.client_id,
            "security_protocol": self.security_protocol,
        }
        if self.security_protocol.startswith("SASL"):
            options |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        if self.security_protocol.endswith("SSL"):
            options["ssl_context"] = ssl.create_default_context()
        return options

    def unreachable(self, error: Exception) -> SourceError:
        """Say what failed in words that an operator can act on; never with credentials."""
        return SourceError(
            f"Kafka at {self.bootstrap_servers} ({self.security_protocol}) cannot be used: {type(error).__name__}. "
            "Check KAFKA_BOOTSTRAP_SERVERS, and KAFKA_SECURITY_PROTOCOL with its credentials."
        )


class KafkaSource(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka ships no types
    """One member of a consumer group, as an EventSource.

    Args:
        login: how to reach the brokers.
        topic: what to read.
        group_id: the group.
        offset_reset: where to begin without a committed offset; "earliest", or the first messages would be lost.
        rebalance_seconds: how long the group waits for this member in a rebalance, in seconds: above the drain time.
    """

    def __init__(
        self, login: KafkaLogin, topic: str, group_id: str, *, offset_reset: str, rebalance_seconds: float
    ) -> None:
        self._login = login
        self._topic = topic
        self._group_id = group_id
        self._offset_reset = offset_reset
        self._rebalance_seconds = rebalance_seconds
        self._consumer: Any = None
        self._rebalance: Rebalance | None = None
        self._paused: set[Partition] = set()
        self._ours: set[Partition] = set()

    async def start(self, rebalance: Rebalance) -> None:
        """Join the group. Raises SourceError."""
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
            # Exactly one assignor: a list of several sends one JoinGroup for each.
            partition_assignment_strategy=[StickyPartitionAssignor],
            session_timeout_ms=_SESSION_MILLISECONDS,
            heartbeat_interval_ms=_HEARTBEAT_MILLISECONDS,
            max_poll_interval_ms=_MAX_POLL_MILLISECONDS,
            # Unset, this would be the session timeout, and a drain longer than that would cost the partition.
            rebalance_timeout_ms=int(self._rebalance_seconds * 1000),
            max_partition_fetch_bytes=_MAX_EVENT_BYTES,
            fetch_max_bytes=_MAX_EVENT_BYTES,
        )
        self._consumer.subscribe([self._topic], listener=self)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._consumer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await self.stop()
            raise self._login.unreachable(error) from error

    async def take(self) -> Sequence[Record]:
        """Give what has come. Cancelled, aiokafka would leak its fetch count, and with it max.poll protection."""
        try:
            batches = await self._consumer.getmany(timeout_ms=_TAKE_MILLISECONDS, max_records=_TAKE_RECORDS)
        except KafkaError as error:
            raise self._login.unreachable(error) from error
        # getmany may deliver before the assigned callback has ended; what is not ours yet comes again.
        return [_record(each) for batch in batches.values() for each in batch]

    def pause(self, partitions: Collection[Partition]) -> None:
        """Take no more from these until resumed."""
        self._paused.update(partitions)
        self._consumer.pause(*_topic_partitions(self._paused & self._ours))

    def resume(self, partitions: Collection[Partition]) -> None:
        """Take from these again."""
        self._paused.difference_update(partitions)
        self._consumer.resume(*_topic_partitions(set(partitions) & self._ours))

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit these offsets and no others. Raises CommitRefused, SourceError."""
        named = {TopicPartition(*partition): offset for partition, offset in offsets.items()}
        if not named:  # without an argument aiokafka commits everything fetched
            return
        try:
            async with asyncio.timeout(_COMMIT_SECONDS):  # aiokafka itself would try for ever
                await self._consumer.commit(named)
        except (CommitFailedError, IllegalStateError) as error:
            raise CommitRefused("the group has moved on") from error
        except (KafkaError, TimeoutError) as error:
            raise self._login.unreachable(error) from error

    async def stop(self) -> None:
        """Leave the group; commits nothing. Bounded, for aiokafka's own stop waits for brokers that may be gone."""
        if self._consumer is None:
            return
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                await self._consumer.stop()

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Pass on; aiokafka swallows what is raised here, so it is told first."""
        partitions = [Partition(*each) for each in revoked]
        if self._rebalance is None or not partitions:
            return
        try:
            await self._rebalance.revoked(partitions)
        finally:
            self._ours.difference_update(partitions)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Pass on, at once: no heartbeat is sent while this runs. A re-assignment loses its pauses: set them again."""
        partitions = [Partition(*each) for each in assigned]
        self._ours = set(partitions)
        self._paused.clear()
        if self._rebalance is not None:
            self._rebalance.assigned(partitions)


class KafkaPublisher:
    """Writes events, each acknowledged by all replicas, none twice (idempotent producer)."""

    def __init__(self, login: KafkaLogin) -> None:
        self._login = login
        self._producer: Any = None
        self._starting = asyncio.Lock()

    async def publish(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> tuple[Partition, int]:
        """Write one event; give where it is. Raises SourceError."""
        try:
            async with asyncio.timeout(_PUBLISH_SECONDS):
                producer = await self._started()
                where = await producer.send_and_wait(topic, value, key=key, headers=list(headers))
        except (KafkaError, OSError, TimeoutError) as error:
            raise self._login.unreachable(error) from error
        return Partition(where.topic, where.partition), where.offset

    async def close(self) -> None:
        """Let go of the connections."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            with suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await producer.stop()

    async def _started(self) -> Any:  # noqa: ANN401 (aiokafka ships no types)
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._login.options(), enable_idempotence=True, acks="all", max_request_size=_MAX_EVENT_BYTES
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer


@dataclass(frozen=True, slots=True)
class KafkaDeadLetters:
    """The dead-letter topic."""

    publisher: KafkaPublisher
    topic: str

    async def put(self, record: Record, *, reason: str, stage: str) -> None:
        """Keep the record's own key and bytes, with headers that say where it came from and why. Raises SourceError."""
        told = {
            "voicememo-reason": reason,
            "voicememo-stage": stage,
            "voicememo-original-topic": record.partition.topic,
            "voicememo-original-partition": str(record.partition.number),
            "voicememo-original-offset": str(record.offset),
            "voicememo-original-timestamp": record.at.isoformat(),
            "voicememo-buried-at": datetime.now(UTC).isoformat(),
        }
        headers = [*record.headers, *((name, value.encode()) for name, value in told.items())]
        await self.publisher.publish(self.topic, key=record.key, value=record.value, headers=headers)


async def describe(login: KafkaLogin, topic: str) -> int | None:
    """Count the partitions of a topic, by an admin client and never by the group's own; None when it is not there.

    Raises:
        SourceError: Kafka cannot be used.
    """
    admin = AIOKafkaAdminClient(**login.options(), request_timeout_ms=5000)
    try:
        async with asyncio.timeout(_START_SECONDS):
            await admin.start()
            if topic not in await admin.list_topics():
                return None
            (found,) = await admin.describe_topics([topic])
            return len(found["partitions"])
    except (KafkaError, OSError, TimeoutError) as error:
        raise login.unreachable(error) from error
    finally:
        with suppress(KafkaError, OSError):
            await admin.close()


def _record(each: Any) -> Record:  # noqa: ANN401 (aiokafka ships no types)
    return Record(
        partition=Partition(each.topic, each.partition),
        offset=each.offset,
        at=datetime.fromtimestamp(max(each.timestamp, 0) / 1000, UTC),
        key=each.key,
        value=each.value,
        headers=tuple((name, value or b"") for name, value in each.headers),
    )


def _topic_partitions(partitions: Collection[Partition]) -> list[TopicPartition]:
    return [TopicPartition(*partition) for partition in partitions]
