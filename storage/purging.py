"""Purging: deletion from history and ledger, safe to repeat.

A memo is first emptied under a lease: its row keeps key, state, fence and settled_at, so that a redelivered event is
not answered again. The row is removed when no event can come any more. Of a forgotten person a pseudonym (the fact
`who`) and the time stay: a new memo that they sent before (`sent_at`) is settled at once.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.ledger import Claim, DeadLetter, Held, JsonValue, MemoKey, Place, Story

FORGOTTEN = "forgotten"
"""Reason of a memo whose person was forgotten."""


class Purging(Protocol):
    """Every method is one atomic step, and raises StoreUnavailable.

    `seconds` is a least age, by the store's clock. Stories have no steps, dead letters no contents.
    """

    async def settled(self, seconds: float, *, purged: bool, limit: int) -> Sequence[Story]:
        """List old settled memos, emptied or not, oldest first."""

    async def memos(self, *, after: MemoKey | None, limit: int) -> Sequence[Story]:
        """List memos after that one, chat by chat."""

    async def take(
        self, key: MemoKey, *, owner: str, lease_seconds: float, seconds: float | None = None
    ) -> Claim | Held | None:
        """Claim a memo to empty it, with `seconds` only an old settled one; None if there is none."""

    async def empty(self, claim: Claim, *, who: str | None = None) -> None:
        """Empty a memo and delete its turns; an unsettled one becomes ignored, `who` stays. Raises Fenced."""

    async def remove(self, key: MemoKey) -> None:
        """Remove a memo's row if it is emptied."""

    async def old_dead_letters(self, seconds: float, *, limit: int) -> Sequence[DeadLetter]:
        """List old stray letters, oldest first."""

    async def dead_letters_with(self, word: bytes, *, limit: int) -> Sequence[DeadLetter]:
        """List stray letters with these bytes in value, key or a header."""

    async def drop_dead_letter(self, place: Place) -> None:
        """Delete a dead letter, published or not."""

    async def turns(self, seconds: float, *, limit: int) -> Sequence[MemoKey]:
        """List memos with old turns and no row, or an emptied one."""

    async def drop_turns(self, chat_id: str, message_id: str | None = None) -> None:
        """Delete the turns of a memo, or of the whole chat."""

    async def forget(self, who: str) -> None:
        """Forget a person from now on."""

    async def scrub(self) -> bool:
        """Overwrite deleted rows in our files; False when another process prevents it."""


def was_before(sent_at: JsonValue, moment: float) -> bool:
    """Return whether a memo was sent before a moment, in seconds since the epoch."""
    return isinstance(sent_at, str) and datetime.fromisoformat(sent_at).timestamp() <= moment


def remaining_facts(who: str | None) -> Mapping[str, JsonValue]:
    """Return the facts that an emptied memo keeps."""
    return {"who": who} if who is not None else {}
