"""Outcomes of deliveries and their HTTP answers.

Linq repeats a delivery after 429, 5xx or no answer, and drops it after any other 4xx.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from aiohttp import web

if TYPE_CHECKING:
    from consumer.webhook.signatures import Scheme


class Outcome(StrEnum):
    """How a delivery was answered."""

    KEPT = "kept"
    UNSIGNED = "unsigned"
    FORGED = "forged"
    STALE = "stale"
    EARLY = "early"
    TOO_LARGE = "too-large"
    TOO_SLOW = "too-slow"
    CUT_SHORT = "cut-short"
    BUSY = "busy"
    KAFKA_SLOW = "kafka-slow"
    KAFKA_AWAY = "kafka-away"


FORGERIES = frozenset({Outcome.UNSIGNED, Outcome.FORGED, Outcome.STALE, Outcome.EARLY})
"""Outcomes that anyone can cause who knows the URL."""

_STATUS = {
    Outcome.KEPT: 200,
    **dict.fromkeys(FORGERIES, 401),
    Outcome.TOO_LARGE: 413,
    # 408 would be right, but Linq would drop the delivery.
    Outcome.TOO_SLOW: 503,
    Outcome.CUT_SHORT: 400,
    Outcome.BUSY: 429,
    Outcome.KAFKA_SLOW: 503,
    Outcome.KAFKA_AWAY: 503,
}
_RETRY_AFTER_SECONDS = {
    Outcome.TOO_SLOW: 1,
    Outcome.BUSY: 1,
    Outcome.KAFKA_SLOW: 5,
    Outcome.KAFKA_AWAY: 5,
}


@dataclass(frozen=True, slots=True)
class Handled:
    """A delivery was answered."""

    outcome: Outcome
    seconds: float
    """Since its head was read."""
    scheme: Scheme | None = None
    """How a genuine one was signed."""
    lacking: str | None = None
    """Why no chat id could be read from a genuine one."""


@dataclass(frozen=True, slots=True)
class Unpublished:
    """Kafka did not take a delivery, before or after it was answered."""

    reason: str


DoorNotice: TypeAlias = Handled | Unpublished


def answer(outcome: Outcome) -> web.Response:
    """Build the answer, whose text is the outcome."""
    headers = {"Cache-Control": "no-store"}
    if outcome in _RETRY_AFTER_SECONDS:
        headers["Retry-After"] = str(_RETRY_AFTER_SECONDS[outcome])
    return web.Response(text=f"{outcome}\n", status=_STATUS[outcome], headers=headers)
