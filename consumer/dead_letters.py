"""KafkaDeadLetters: events that could not be answered, whole, with headers that say where they came from and why."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from consumer.publisher import TooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.publisher import KafkaPublisher
    from consumer.source import Record

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KafkaDeadLetters:
    """The dead-letter topic."""

    publisher: KafkaPublisher
    topic: str

    async def put(self, record: Record, *, reason: str, stage: str) -> None:
        """Keep the record's own key and bytes, with headers that say where it came from and why.

        A record without a value, or with one that is too large for this topic, is kept with an empty one and the header
        voicememo-value-omitted (null, too-large); the other headers say where the original is.

        Raises:
            SourceError: Kafka cannot be used.
        """
        told = {
            "reason": reason,
            "stage": stage,
            "original-topic": record.partition.topic,
            "original-partition": str(record.partition.number),
            "original-offset": str(record.offset),
            "original-timestamp": record.at.isoformat(),
            "buried-at": datetime.now(UTC).isoformat(),
        }
        if record.value is None:
            await self._publish(record, b"", {**told, "value-omitted": "null"})
            return
        try:
            await self._publish(record, record.value, told)
        except TooLarge:
            log.warning("dead_letter.without_bytes", extra={"topic": self.topic, "bytes": len(record.value)})
            await self._publish(record, b"", {**told, "value-omitted": "too-large"})

    async def _publish(self, record: Record, value: bytes, told: Mapping[str, str]) -> None:
        ours = [(f"voicememo-{name}", text.encode()) for name, text in told.items()]
        # A dead letter that was put back and died again tells of its last death only.
        theirs = [(name, text) for name, text in record.headers if not name.startswith("voicememo-")]
        await self.publisher.publish(self.topic, key=record.key, value=value, headers=[*theirs, *ours])
