"""History: what was said in a chat, a row per turn; and how the person behaves, read off those rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

PACE_WINDOW_SECONDS = 60.0
"""How far back a person's pace is looked at, in seconds."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing that one side said."""

    role: Literal["user", "assistant"]
    text: str = field(repr=False)
    language: str
    """Primary subtag, such as "en"."""
    at: datetime
    """With zone, UTC."""


class History(Protocol):
    """Turns of a chat, ordered by the store's own sequence."""

    async def recent(self, chat_id: str, *, limit: int) -> Sequence[Turn]:
        """Give the last `limit` turns, oldest first.

        Raises:
            StoreUnavailable: it may succeed later.
        """
        ...

    async def append(self, chat_id: str, message_id: str, turns: Sequence[Turn]) -> None:
        """Add the turns of one memo, in one transaction; adding them again (same message, same role) changes nothing.

        Raises:
            StoreUnavailable: it may succeed later.
        """
        ...


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the person behaves just now."""

    silence_seconds: float | None
    """Since their last turn, in seconds; None when this is the first."""
    recent_messages: int
    """Their turns within PACE_WINDOW_SECONDS."""
    languages: tuple[str, ...]
    """What they spoke, most recent first, without repeats."""


def behaviour(turns: Sequence[Turn], now: datetime) -> Behaviour:
    """Read a person's behaviour off the turns of their chat."""
    theirs = [turn for turn in turns if turn.role == "user"]
    ages = [max(0.0, (now - turn.at).total_seconds()) for turn in theirs]
    return Behaviour(
        silence_seconds=ages[-1] if ages else None,
        recent_messages=sum(age <= PACE_WINDOW_SECONDS for age in ages),
        languages=tuple(dict.fromkeys(turn.language for turn in reversed(theirs))),
    )
