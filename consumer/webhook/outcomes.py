"""Outcomes of deliveries and their HTTP answers.

Linq repeats a delivery after 429, 5xx or no answer, and drops it after any other 4xx.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self, TypeAlias

from aiohttp import web

if TYPE_CHECKING:
    from consumer.webhook.signatures import Scheme


class DeliveryOutcome(StrEnum):
    """How a delivery was answered: a word, the HTTP status, and Retry-After in seconds."""

    status: int
    retry_after_seconds: int | None

    def __new__(cls, word: str, status: int, retry_after_seconds: int | None = None) -> Self:
        """Make a member whose value is the word."""
        outcome = str.__new__(cls, word)
        outcome._value_ = word
        outcome.status = status
        outcome.retry_after_seconds = retry_after_seconds
        return outcome

    KEPT = "kept", 200
    UNSIGNED = "unsigned", 401
    FORGED = "forged", 401
    STALE = "stale", 401
    EARLY = "early", 401
    TOO_LARGE = "too-large", 413
    TOO_SLOW = "too-slow", 503, 1  # 408 would be right, but Linq would drop the delivery
    CUT_SHORT = "cut-short", 400
    BUSY = "busy", 429, 1
    KAFKA_SLOW = "kafka-slow", 503, 5
    KAFKA_AWAY = "kafka-away", 503, 5


FORGERIES = frozenset({DeliveryOutcome.UNSIGNED, DeliveryOutcome.FORGED, DeliveryOutcome.STALE, DeliveryOutcome.EARLY})
"""Outcomes that anyone who knows the URL can cause."""


@dataclass(frozen=True, slots=True)
class Handled:
    """A delivery was answered."""

    outcome: DeliveryOutcome
    seconds: float
    """Seconds since its head was read."""
    scheme: Scheme | None = None
    """Signature scheme of a genuine delivery."""
    missing: str | None = None
    """Why no chat id could be read from a genuine one."""


@dataclass(frozen=True, slots=True)
class Unpublished:
    """Kafka did not take a delivery, which may have been answered."""

    reason: str


WebhookNotice: TypeAlias = Handled | Unpublished


def answer(outcome: DeliveryOutcome) -> web.Response:
    """Build the answer, whose text is the outcome."""
    headers = {"Cache-Control": "no-store"}
    if outcome.retry_after_seconds is not None:
        headers["Retry-After"] = str(outcome.retry_after_seconds)
    return web.Response(text=f"{outcome}\n", status=outcome.status, headers=headers)
