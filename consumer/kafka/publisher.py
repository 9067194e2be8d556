"""The Kafka publisher: an idempotent producer, replaced after a failure."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer
from aiokafka import errors as kafka_errors

from consumer.kafka.client import FAILURES, MAX_EVENT_BYTES, close_client, milliseconds, open_client, unusable_error
from consumer.kafka.ports import Partition, SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.kafka.ports import KafkaLogin

_PUBLISH_SECONDS = 15.0
_DELIVERY_SECONDS = 10.0
"""Less than _PUBLISH_SECONDS, so that an event that the producer gives up has a known outcome."""


class RecordTooLarge(SourceError):
    """The topic does not take records of this size."""


class KafkaPublisher:
    """Writes each event once (idempotent producer), acknowledged by all replicas."""

    def __init__(self, login: KafkaLogin) -> None:
        self._login = login
        self._producer: Any = None
        self._starting = asyncio.Lock()

    async def publish(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes,  # never None: without a key too, aiokafka's assertion would look like a bug of ours
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> tuple[Partition, int]:
        """Write an event; return its partition and offset.

        Raises RecordTooLarge, and SourceError: then the event may have been written.
        """
        producer = await self._started()
        try:
            async with asyncio.timeout(_PUBLISH_SECONDS):
                where = await producer.send_and_wait(topic, value, key=key, headers=list(headers))
        except kafka_errors.MessageSizeTooLargeError as error:
            raise RecordTooLarge(f"the topic {topic} does not take events of {len(value)} bytes") from error
        except FAILURES as error:
            # An idempotent producer that gave up an event has a hole in its numbers, and may write nothing more.
            await self._drop(producer)
            raise unusable_error(self._login, error) from error
        return Partition(where.topic, where.partition), where.offset

    async def close(self) -> None:
        """Close the connections."""
        if self._producer is not None:
            await self._drop(self._producer)

    async def _started(self) -> Any:  # noqa: ANN401 (aiokafka ships no types)
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._login.options(),
                    enable_idempotence=True,
                    acks="all",
                    max_request_size=MAX_EVENT_BYTES,
                    request_timeout_ms=milliseconds(_DELIVERY_SECONDS),
                )
                try:
                    await open_client(self._login, producer.start())
                except BaseException:
                    await close_client(producer.stop(), producer.client)
                    raise
                self._producer = producer
            return self._producer

    async def _drop(self, producer: Any) -> None:  # noqa: ANN401 (aiokafka ships no types)
        if self._producer is producer:
            self._producer = None
        await close_client(producer.stop(), producer.client)
