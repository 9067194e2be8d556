"""KafkaDeadLetters: events that could not be answered, whole, with headers that say where they came from and why."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from consumer.publisher import TooLarge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from consumer.source import Publisher
    from storage.ledger import DeadLetter

_OURS = "voicememo-"

log = logging.getLogger(__name__)


def _as_they_came(letter: DeadLetter) -> Sequence[tuple[str, bytes]]:
    return letter.event.headers


@dataclass(frozen=True, slots=True)
class KafkaDeadLetters:
    """The dead-letter topic."""

    publisher: Publisher
    topic: str
    headers: Callable[[DeadLetter], Sequence[tuple[str, bytes]]] = field(default=_as_they_came, repr=False)
    """Gives the headers that are kept: the event's own, with another trace context where the memo was traced."""

    async def put(self, letter: DeadLetter) -> None:
        """Keep the event's own key and bytes, with headers that say where it came from and why.

        An event without a value, or with one that is too large for this topic, is kept with an empty one and the header
        voicememo-value-omitted (null, too-large); the other headers say where the original is.

        Raises:
            SourceError: Kafka cannot be used.
        """
        value, told = letter.event.value, _told(letter)
        if value is None:
            await self._publish(letter, b"", {**told, "value-omitted": "null"})
            return
        try:
            await self._publish(letter, value, told)
        except TooLarge:
            log.warning("dead_letter.without_bytes", extra={"topic": self.topic, "bytes": len(value)})
            await self._publish(letter, b"", {**told, "value-omitted": "too-large"})

    async def _publish(self, letter: DeadLetter, value: bytes, told: Mapping[str, str]) -> None:
        ours = [(f"{_OURS}{name}", text.encode()) for name, text in told.items()]
        # A dead letter that was put back and died again tells of its last death only.
        theirs = [(name, text) for name, text in self.headers(letter) if not name.startswith(_OURS)]
        await self.publisher.publish(self.topic, key=letter.event.key, value=value, headers=[*theirs, *ours])


def _told(letter: DeadLetter) -> dict[str, str]:
    place, now = letter.event.place, time.time()
    told = {
        "reason": letter.reason,
        "stage": letter.stage,
        "attempts": str(letter.attempts),
        "original-topic": place.topic,
        "original-partition": str(place.partition),
        "original-offset": str(place.offset),
        "original-timestamp": _iso(letter.event.at),
        "first-at": _iso(letter.first_at or now),
        "buried-at": _iso(now),
    }
    if letter.digest is not None:
        told["traceback-digest"] = letter.digest
    return told


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
