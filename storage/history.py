"""History: what was said in each chat."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class PastTurn:
    """One utterance of one side."""

    role: Literal["user", "assistant"]
    text: str = field(repr=False)
    language: str
    """Primary subtag, such as "en"."""
    at: datetime
    """Aware datetime in UTC."""


class History(Protocol):
    """Turns by chat. Every method raises StoreUnavailable."""

    async def recent(self, chat_id: str, *, limit: int) -> Sequence[PastTurn]:
        """Return the last `limit` turns, oldest first."""

    async def append(self, chat_id: str, message_id: str, turns: Sequence[PastTurn]) -> None:
        """Add a memo's turns in one transaction; those of a known message and role stay."""
