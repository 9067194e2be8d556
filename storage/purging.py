"""Purging: deletion from history and ledger. Items are listed first, then deleted one by one; repeating is safe.

A memo is first emptied: transcript, steps, event, letters and turns are deleted. Its row keeps key, state, fencing
number and time of settling, so that a redelivered event is not answered again. Later, when no event can come any more,
the row is removed too. A memo that is being emptied is leased, like one that is being answered.

A person who is forgotten leaves a keyed pseudonym and the moment: a new memo that they sent before it is settled at
once. The ledger knows people by the fact `who`, and when a memo was sent by `sent_at`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.ledger import Claim, DeadLetter, Held, JsonValue, MemoKey, Place, Story

FORGOTTEN = "forgotten"
"""Reason of a memo that ended because its person was forgotten."""


class Purging(Protocol):
    """Every method is one atomic step, by the store's own clock, and raises StoreUnavailable when it may succeed later.

    `seconds` is how long ago something must have happened. Stories come without steps, letters without contents.
    """

    async def settled(self, seconds: float, *, purged: bool, limit: int) -> Sequence[Story]:
        """List memos that were settled so long ago, emptied or not yet; the oldest first."""
        ...

    async def memos(self, *, after: MemoKey | None, limit: int) -> Sequence[Story]:
        """List all memos after that one, chat by chat, in the store's own order."""
        ...

    async def take(
        self, key: MemoKey, *, owner: str, lease_seconds: float, seconds: float | None = None
    ) -> Claim | Held | None:
        """Claim a memo to empty it, settled or not; with `seconds` only one that was settled so long ago.

        None: it is not there, is empty, or was not settled so long ago.
        """
        ...

    async def empty(self, claim: Claim, *, who: str | None = None) -> None:
        """Empty a memo, in one step with its turns; an unsettled one ends as ignored. Raises Fenced.

        With `who` its row goes on carrying whose it was.
        """
        ...

    async def remove(self, key: MemoKey) -> None:
        """Remove the row of a memo that was emptied; any other is left alone."""
        ...

    async def letters(self, seconds: float, *, limit: int) -> Sequence[DeadLetter]:
        """List letters of events that are no memo, written so long ago; the oldest first."""
        ...

    async def letters_with(self, word: bytes, *, limit: int) -> Sequence[DeadLetter]:
        """List letters of events that are no memo and have these bytes in value, key or a header."""
        ...

    async def drop_letter(self, place: Place) -> None:
        """Delete the letter of the event at this place, published or not."""
        ...

    async def turns(self, seconds: float, *, limit: int) -> Sequence[MemoKey]:
        """List memos whose turns are so old and that the ledger lacks, or has only an empty row of."""
        ...

    async def drop_turns(self, chat_id: str, message_id: str | None = None) -> None:
        """Delete the turns of one memo, or of the whole chat."""
        ...

    async def forget(self, who: str) -> None:
        """Forget a person from now on: a new memo that they sent before is settled at once."""
        ...

    async def scrub(self) -> bool:
        """Overwrite what our own files still hold of deleted rows; return False when another process prevents it."""
        ...


def was_before(sent_at: JsonValue, moment: float) -> bool:
    """Return whether the fact `sent_at` lies before a moment, in seconds since the epoch."""
    return isinstance(sent_at, str) and datetime.fromisoformat(sent_at).timestamp() <= moment


def left_behind(who: str | None) -> Mapping[str, JsonValue]:
    """Return the facts that an emptied memo keeps."""
    return {"who": who} if who is not None else {}
