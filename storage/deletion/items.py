"""Items to delete, and their deletion, safe to repeat."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import product
from typing import TYPE_CHECKING

from storage.archive import reply_key
from storage.errors import Fenced
from storage.ledger import Held

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.archive import Archive
    from storage.ledger import Claim, DeadLetter, MemoKey, Place, Story
    from storage.purging import Purging

_LEASE_SECONDS = 120.0
"""Lease while a memo is emptied, in seconds."""
_REPLY_SUFFIXES = (".m4a", ".wav")


class DeletionKind(StrEnum):
    """Kind of an item."""

    MEMO = "memo"
    """All of a memo but its empty row."""
    OBJECT = "object"
    """An object in the archive, without a memo."""
    TURNS = "turns"
    DEAD_LETTER = "letter"
    """A dead letter without a memo."""
    ROW = "row"


@dataclass(frozen=True, slots=True)
class Deletion:
    """One item to delete."""

    kind: DeletionKind
    name: str
    """Readable description: ids, keys and places."""
    key: MemoKey | None = None
    """Key of the memo; an empty message id means the whole chat."""
    place: Place | None = None
    objects: tuple[str, ...] = field(default=(), repr=False)
    """Keys of the archive, perhaps with a phone number (ARCHIVE_USER=phone)."""

    @classmethod
    def of_memo(cls, story: Story) -> Deletion:
        """Delete a memo and its objects."""
        return cls(DeletionKind.MEMO, _name(story.key), story.key, objects=tuple(_objects(story)))

    @classmethod
    def of_object(cls, key: str) -> Deletion:
        """Delete an object."""
        return cls(DeletionKind.OBJECT, key, objects=(key,))

    @classmethod
    def of_turns(cls, key: MemoKey) -> Deletion:
        """Delete the turns of a memo, or of a chat."""
        return cls(DeletionKind.TURNS, _name(key), key)

    @classmethod
    def of_dead_letter(cls, letter: DeadLetter) -> Deletion:
        """Delete a dead letter."""
        place = letter.event.place
        return cls(DeletionKind.DEAD_LETTER, f"{place.topic}[{place.partition}]@{place.offset}", place=place)

    @classmethod
    def of_row(cls, key: MemoKey) -> Deletion:
        """Delete an emptied row."""
        return cls(DeletionKind.ROW, _name(key), key)


class DeletionResult(StrEnum):
    """Result of a deletion."""

    DELETED = "deleted"
    GONE = "gone"
    """Missing, or no longer old."""
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Deleter:
    """Deletes items."""

    purging: Purging
    archive: Archive
    owner: str
    seconds: float | None = None
    """Least age of a settled memo, so that a revived one stays; None: any memo."""
    who: str | None = None
    """Pseudonym that emptied rows keep."""

    async def __call__(self, item: Deletion) -> DeletionResult:
        """Delete an item. Raises StorageError, perhaps with some objects deleted."""
        match item:
            case Deletion(DeletionKind.MEMO, key=key) if key is not None:
                return await self._empty(key)
            case Deletion(DeletionKind.OBJECT):
                await self._delete(item.objects)
            case Deletion(DeletionKind.TURNS, key=key) if key is not None:
                await self.purging.drop_turns(key.chat_id, key.message_id or None)
            case Deletion(DeletionKind.DEAD_LETTER, place=place) if place is not None:
                await self.purging.drop_dead_letter(place)
            case Deletion(DeletionKind.ROW, key=key) if key is not None:
                await self.purging.remove(key)
            case _:
                raise ValueError(f"the deletion of a {item.kind} lacks its key or place")
        return DeletionResult.DELETED

    async def _empty(self, key: MemoKey) -> DeletionResult:
        # The row goes last: until then it names the objects.
        claim = await self.purging.take(key, owner=self.owner, lease_seconds=_LEASE_SECONDS, seconds=self.seconds)
        if claim is None:
            return DeletionResult.GONE
        if isinstance(claim, Held):
            return DeletionResult.HELD
        await self._delete(tuple(_objects(claim)))
        try:
            await self.purging.empty(claim, who=self.who)
        except Fenced:
            return DeletionResult.HELD
        return DeletionResult.DELETED

    async def _delete(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            await self.archive.delete(key)


def _objects(memo: Story | Claim) -> Iterator[str]:
    """Yield the objects in a memo's facts, and those of earlier replies."""
    facts = (memo.facts.get(name) for name in ("original", "wav", "spoken"))
    named = [key for key in facts if isinstance(key, str) and key]
    yield from named
    sent_at = memo.facts.get("sent_at")
    if memo.generation == 1 or not isinstance(sent_at, str):
        return
    at, message_id = datetime.fromisoformat(sent_at), memo.key.message_id
    for generation, suffix in product(range(1, memo.generation + 1), _REPLY_SUFFIXES):
        key = reply_key(at, message_id, suffix, generation=generation)
        if key not in named:
            yield key


def _name(key: MemoKey) -> str:
    return f"{key.message_id} in chat {key.chat_id}" if key.message_id else f"chat {key.chat_id}"
