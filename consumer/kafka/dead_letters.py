"""The dead-letter topic: whole events, with headers for origin and reason."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING

from consumer.kafka.publisher import RecordTooLarge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from consumer.kafka.ports import Publisher
    from storage.ledger import DeadLetter

_OURS = "voicememo-"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KafkaDeadLetters:
    """Writes dead letters to a topic."""

    publisher: Publisher
    topic: str
    headers: Callable[[DeadLetter], Sequence[tuple[str, bytes]]] = field(
        default=attrgetter("event.headers"), repr=False
    )
    """Returns the headers to keep: the event's own, with the trace context of the memo if it was traced."""

    async def put(self, letter: DeadLetter) -> None:
        """Write the event's own key and bytes. Raises SourceError.

        A value that is null, or too large for this topic, is written empty, with the header voicememo-value-omitted
        (null, too-large).
        """
        value, about = letter.event.value, _about(letter)
        if value is None:
            await self._publish(letter, b"", {**about, "value-omitted": "null"})
            return
        try:
            await self._publish(letter, value, about)
        except RecordTooLarge:
            log.warning("dead_letter.without_bytes", extra={"topic": self.topic, "bytes": len(value)})
            await self._publish(letter, b"", {**about, "value-omitted": "too-large"})

    async def _publish(self, letter: DeadLetter, value: bytes, about: Mapping[str, str]) -> None:
        ours = [(f"{_OURS}{name}", text.encode()) for name, text in about.items()]
        # An event that was published again and died again has the headers of its last death only.
        theirs = [(name, text) for name, text in self.headers(letter) if not name.startswith(_OURS)]
        await self.publisher.publish(self.topic, key=letter.event.key, value=value, headers=[*theirs, *ours])


def _about(letter: DeadLetter) -> dict[str, str]:
    place, now = letter.event.place, time.time()
    about = {
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
        about["traceback-digest"] = letter.digest
    return about


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
