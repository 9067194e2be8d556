"""History of a chat, and a person's behaviour derived from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

PACE_WINDOW_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class PastTurn:
    """One utterance of one side."""

    role: Literal["user", "assistant"]
    text: str = field(repr=False)
    language: str
    """Primary subtag, such as "en"."""
    at: datetime
    """With zone, UTC."""


class History(Protocol):
    """Turns by chat. Every method raises StoreUnavailable."""

    async def recent(self, chat_id: str, *, limit: int) -> Sequence[PastTurn]:
        """Return the last `limit` turns, oldest first."""

    async def append(self, chat_id: str, message_id: str, turns: Sequence[PastTurn]) -> None:
        """Add a memo's turns in one transaction; those of a known message and role stay."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Recent behaviour of a person."""

    silence_seconds: float | None
    """Since their last turn."""
    recent_messages: int
    """Their turns within PACE_WINDOW_SECONDS."""
    languages: tuple[str, ...]
    """Distinct, most recent first."""


def behaviour(turns: Sequence[PastTurn], now: datetime) -> Behaviour:
    """Derive a person's behaviour."""
    theirs = [turn for turn in turns if turn.role == "user"]
    ages = [max(0.0, (now - turn.at).total_seconds()) for turn in theirs]
    return Behaviour(
        silence_seconds=ages[-1] if ages else None,
        recent_messages=sum(age <= PACE_WINDOW_SECONDS for age in ages),
        languages=tuple(dict.fromkeys(turn.language for turn in reversed(theirs))),
    )
