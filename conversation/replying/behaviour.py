"""A person's recent behaviour, derived from the chat's turns, for the prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from storage.history import PastTurn

PACE_WINDOW_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Recent behaviour of a person."""

    silence_seconds: float | None
    """Time since their last turn."""
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
