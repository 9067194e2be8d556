"""Purging: how history and ledger let go of what they keep. Listed first, then memo by memo, and safe to repeat.

A memo is first emptied: its words, its story, its event, its letters and its turns are deleted, and the row stays with
its key, its state, its fencing number and when it was settled, so that the memo is not answered again when its event
comes again. Later, when no event can come any more, the row is removed too.

Who is forgotten leaves a name that tells nothing (a keyed pseudonym) and the moment: a new memo of theirs that was sent
before is settled as soon as it comes. The ledger knows people by the fact `who`, and when a memo was sent by `sent_at`.

Whoever empties a memo holds it meanwhile, as those do who answer it: nobody else works on it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.ledger import Claim, DeadLetter, Held, JsonValue, MemoKey, Place, Story

FORGOTTEN = "forgotten"
"""Why a memo ended that its person's forgetting has ended."""


class Purging(Protocol):
    """Each method is one atomic step, by the store's own clock, and raises StoreUnavailable when it may succeed later.

    What is given as `seconds` is how long ago something must be.
    """

    async def settled(self, seconds: float, *, purged: bool, limit: int) -> Sequence[Story]:
        """Tell, without their steps, of memos that were settled so long ago, emptied or not yet; the oldest first."""
        ...

    async def memos(self, *, after: MemoKey | None, limit: int) -> Sequence[Story]:
        """Tell of all memos after that one, without their steps, chat by chat, in an order of the store's own."""
        ...

    async def take(
        self, key: MemoKey, *, owner: str, lease_seconds: float, seconds: float | None = None
    ) -> Claim | Held | None:
        """Hold a memo to empty it. None: it is not there, is empty, or was not settled so long ago, if that is asked.

        A memo that is not settled can be had too, where no `seconds` are given.
        """
        ...

    async def empty(self, claim: Claim, *, who: str | None = None) -> None:
        """Delete everything of a memo but that it was, in one step with its turns. Raises Fenced.

        One that is not settled ends here, as ignored. With `who` its row goes on telling whose it was.
        """
        ...

    async def remove(self, key: MemoKey) -> None:
        """Remove the row of a memo that was emptied; any other is left alone."""
        ...

    async def letters(self, seconds: float, *, limit: int) -> Sequence[DeadLetter]:
        """Give letters of events that are no memo, written so long ago, without what they say; the oldest first."""
        ...

    async def letters_with(self, word: bytes, *, limit: int) -> Sequence[DeadLetter]:
        """Give, in the same way, those whose event has these bytes in its value, its key or a header."""
        ...

    async def drop_letter(self, place: Place) -> None:
        """Delete the letter of the event that stood there, whether or not the topic has it."""
        ...

    async def turns(self, seconds: float, *, limit: int) -> Sequence[MemoKey]:
        """Name memos of which the ledger knows nothing more, and that have turns so old in the history."""
        ...

    async def drop_turns(self, chat_id: str, message_id: str | None = None) -> None:
        """Delete what was said in a chat: the turns of one memo, or all."""
        ...

    async def forget(self, who: str) -> None:
        """Note that a person is forgotten from now on: a new memo of theirs is settled if it was sent before."""
        ...

    async def scrub(self) -> bool:
        """See that no bytes of what was deleted are left in our own files; False where somebody is in the way."""
        ...


def was_before(sent_at: JsonValue, moment: float) -> bool:
    """Whether a memo was sent before a moment, in seconds since the epoch; by the fact that the ledger has of it."""
    return isinstance(sent_at, str) and datetime.fromisoformat(sent_at).timestamp() <= moment


def left_behind(who: str | None) -> Mapping[str, JsonValue]:
    """Give the facts that an emptied memo keeps."""
    return {"who": who} if who is not None else {}
