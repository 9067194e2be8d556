"""Purging in memory."""

from __future__ import annotations

from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING

from storage.errors import Fenced
from storage.ledger import MemoKey
from storage.purging import FORGOTTEN, Purging, remaining_facts
from storage.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from storage.ledger import Claim, DeadLetter, Held, Place, Story
    from storage.memory.rows import DeadLetterRow, MemoRow, MemoryRows


class MemoryPurging(Purging):
    """`Purging` in memory."""

    def __init__(self, clock: Callable[[], float], rows: MemoryRows) -> None:
        self._now = clock
        self._rows = rows

    async def settled(self, seconds: float, *, purged: bool, limit: int) -> Sequence[Story]:
        before = self._now() - seconds
        found = [
            (memo.settled_at, memo.key, memo)
            for memo in self._rows.memos.values()
            if memo.settled_at is not None and memo.settled_at < before and (memo.purged_at is not None) == purged
        ]
        return self._stories(memo for *_, memo in islice(sorted(found, key=itemgetter(0, 1)), limit))

    async def memos(self, *, after: MemoKey | None, limit: int) -> Sequence[Story]:
        keys = sorted(key for key in self._rows.memos if after is None or key > after)
        return self._stories(self._rows.memos[key] for key in keys[:limit])

    async def take(
        self, key: MemoKey, *, owner: str, lease_seconds: float, seconds: float | None = None
    ) -> Claim | Held | None:
        memo, now = self._rows.memos.get(key), self._now()
        if memo is None or memo.purged_at is not None:
            return None
        if seconds is not None and not (memo.settled_at or now) < now - seconds:
            return None
        return memo.held(now) or memo.grant(owner, now, lease_seconds)

    async def empty(self, claim: Claim, *, who: str | None = None) -> None:
        memo, now = self._rows.memos.get(claim.key), self._now()
        if memo is None or memo.fence != claim.fence or memo.lease_until <= now:
            raise Fenced("the claim is no longer ours")
        self._rows.unpark(memo)
        for place in [place for place, each in self._rows.letters.items() if each.letter.key == claim.key]:
            del self._rows.letters[place]
        await self.drop_turns(claim.key.chat_id, claim.key.message_id)
        if not memo.state.settled:
            memo.state, memo.reason, memo.settled_at = State.IGNORED, FORGOTTEN, now
        memo.facts, memo.steps = dict(remaining_facts(who)), []
        memo.purged_at, memo.owner, memo.lease_until = now, "", 0.0

    async def remove(self, key: MemoKey) -> None:
        memo = self._rows.memos.get(key)
        if memo is not None and memo.purged_at is not None:
            del self._rows.memos[key]

    async def old_dead_letters(self, seconds: float, *, limit: int) -> Sequence[DeadLetter]:
        before = self._now() - seconds
        late = sorted((each for each in self._strays() if each.at < before), key=lambda each: each.at)
        return [each.contentless() for each in late[:limit]]

    async def dead_letters_with(self, word: bytes, *, limit: int) -> Sequence[DeadLetter]:
        return [each.contentless() for each in islice(filter(lambda each: _has(each, word), self._strays()), limit)]

    async def drop_dead_letter(self, place: Place) -> None:
        self._rows.letters.pop(place, None)

    async def turns(self, seconds: float, *, limit: int) -> Sequence[MemoKey]:
        before = self._now() - seconds
        old = {
            MemoKey(chat_id, message_id)
            for chat_id, turns in self._rows.turns.items()
            for (message_id, _), turn in turns.items()
            if turn.at.timestamp() < before
        }
        return sorted(key for key in old if not self._knows(key))[:limit]

    async def drop_turns(self, chat_id: str, message_id: str | None = None) -> None:
        chat = self._rows.turns.get(chat_id, {})
        for name in [name for name in chat if message_id in {None, name[0]}]:
            del chat[name]

    async def forget(self, who: str) -> None:
        self._rows.forgotten[who] = self._now()

    async def scrub(self) -> bool:
        return True

    def _knows(self, key: MemoKey) -> bool:
        memo = self._rows.memos.get(key)
        return memo is not None and memo.purged_at is None

    def _strays(self) -> Iterable[DeadLetterRow]:
        return (each for each in self._rows.letters.values() if each.letter.key is None)

    def _stories(self, memos: Iterable[MemoRow]) -> list[Story]:
        now = self._now()
        return [memo.story(now) for memo in memos]


def _has(letter: DeadLetterRow, word: bytes) -> bool:
    event = letter.letter.event
    return any(word in (each or b"") for each in (event.value, event.key, *(value for _, value in event.headers)))
