"""Disposal: what is to be deleted, item by item, and its deletion, which is safe to repeat."""

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
"""How long a memo is held while it is emptied, in seconds: longer than its objects take to be deleted."""
_REPLY_SUFFIXES = (".m4a", ".wav")


class Kind(StrEnum):
    """What an item is."""

    MEMO = "memo"
    """Recordings, replies, words, story, letters, event and turns of one memo; its empty row stays."""
    OBJECT = "object"
    """A recording or reply of which no memo knows."""
    TURNS = "turns"
    """What was said, and the history alone has."""
    LETTER = "letter"
    """An event that is no memo."""
    ROW = "row"
    """An empty row."""


@dataclass(frozen=True, slots=True)
class Doomed:
    """One item."""

    kind: Kind
    name: str
    """For people: ids, keys and places."""
    key: MemoKey | None = None
    """Of its memo; of a whole chat's turns with an empty message id."""
    place: Place | None = None
    objects: tuple[str, ...] = field(default=(), repr=False)
    """Their keys in the archive, which may carry a phone number (ARCHIVE_USER=phone)."""


class Fate(StrEnum):
    """What became of an item."""

    DELETED = "deleted"
    GONE = "gone"
    """There was nothing to delete any more, or it is not old any more."""
    HELD = "held"
    """Somebody works on it: later."""


def memo(story: Story) -> Doomed:
    """Doom a memo, with what it has in the archive."""
    return Doomed(Kind.MEMO, _name(story.key), story.key, objects=tuple(_kept(story)))


def thing(key: str) -> Doomed:
    """Doom an object."""
    return Doomed(Kind.OBJECT, key, objects=(key,))


def turns(key: MemoKey) -> Doomed:
    """Doom what was said with a memo; without a message id all that was said in its chat."""
    return Doomed(Kind.TURNS, _name(key), key)


def letter(given: DeadLetter) -> Doomed:
    """Doom an event that is no memo."""
    place = given.event.place
    return Doomed(Kind.LETTER, f"{place.topic}[{place.partition}]@{place.offset}", place=place)


def row(key: MemoKey) -> Doomed:
    """Doom an empty row."""
    return Doomed(Kind.ROW, _name(key), key)


@dataclass(frozen=True, slots=True)
class Disposal:
    """Deletes what is doomed."""

    purging: Purging
    archive: Archive
    owner: str
    """Who holds a memo meanwhile."""
    seconds: float | None = None
    """How long ago a memo must have been settled, so that one that was revived since is let be; None: any may go."""
    who: str | None = None
    """Whose memos they are, for their empty rows to tell; None: they tell nothing."""

    async def __call__(self, item: Doomed) -> Fate:
        """Delete an item. Raises StorageError; nothing but the item's own objects is deleted then."""
        match item:
            case Doomed(Kind.MEMO, key=key) if key is not None:
                return await self._empty(key)
            case Doomed(Kind.OBJECT):
                await self._delete(item.objects)
            case Doomed(Kind.TURNS, key=key) if key is not None:
                await self.purging.drop_turns(key.chat_id, key.message_id or None)
            case Doomed(Kind.LETTER, place=place) if place is not None:
                await self.purging.drop_letter(place)
            case Doomed(Kind.ROW, key=key) if key is not None:
                await self.purging.remove(key)
            case _:
                raise ValueError(f"a doomed {item.kind} says what it is of")
        return Fate.DELETED

    async def _empty(self, key: MemoKey) -> Fate:
        """Hold a memo, delete what it has in the archive, then itself: its row names the objects to the last."""
        claim = await self.purging.take(key, owner=self.owner, lease_seconds=_LEASE_SECONDS, seconds=self.seconds)
        if claim is None:
            return Fate.GONE
        if isinstance(claim, Held):
            return Fate.HELD
        await self._delete(tuple(_kept(claim)))
        try:
            await self.purging.empty(claim, who=self.who)
        except Fenced:
            return Fate.HELD
        return Fate.DELETED

    async def _delete(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            await self.archive.delete(key)


def _kept(known: Story | Claim) -> Iterator[str]:
    """Name what a memo has in the archive: what its facts name, and replies that further ones have followed."""
    facts = known.facts
    named = [key for key in (facts.get(name) for name in ("original", "wav", "spoken")) if isinstance(key, str) and key]
    yield from named
    sent_at = facts.get("sent_at")
    if known.generation == 1 or not isinstance(sent_at, str):
        return
    at, message_id = datetime.fromisoformat(sent_at), known.key.message_id
    for generation, suffix in product(range(1, known.generation + 1), _REPLY_SUFFIXES):
        key = reply_key(at, message_id, suffix, generation=generation)
        if key not in named:
            yield key


def _name(key: MemoKey) -> str:
    return f"{key.message_id} in chat {key.chat_id}" if key.message_id else f"chat {key.chat_id}"
