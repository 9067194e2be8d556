"""How deliveries are answered.

Whoever sent a delivery tries again after 429, 5xx or no answer at all, and gives it up after any other 4xx. So what may
go well later is answered with the former, and only what will never be right with the latter.
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
"""What anybody can bring about who knows the address."""

_STATUS = {
    Outcome.KEPT: 200,
    **dict.fromkeys(FORGERIES, 401),
    Outcome.TOO_LARGE: 413,
    # 408 would be right, and would be taken for a reason to give the delivery up.
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
    """A delivery has been answered."""

    outcome: Outcome
    seconds: float
    """Since its head was read."""
    scheme: Scheme | None = None
    """How it was signed, once that is known to be right."""
    lacking: str | None = None
    """Why no chat could be read from it."""


@dataclass(frozen=True, slots=True)
class Unpublished:
    """Kafka did not take a delivery, be it in time for its answer or later."""

    reason: str
    """For an operator to act on."""


Notice: TypeAlias = Handled | Unpublished


def answer(outcome: Outcome) -> web.Response:
    """Make the answer: its text is the outcome, and nothing more."""
    headers = {"Cache-Control": "no-store"}
    if outcome in _RETRY_AFTER_SECONDS:
        headers["Retry-After"] = str(_RETRY_AFTER_SECONDS[outcome])
    return web.Response(text=f"{outcome}\n", status=_STATUS[outcome], headers=headers)
