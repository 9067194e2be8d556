"""Ledger in memory."""

from __future__ import annotations

from dataclasses import replace
from itertools import count, islice
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING

from storage.errors import Fenced
from storage.ledger import DEAD_LETTER_SECONDS, Behind, Claim, Held, Ledger, Parked, Settled
from storage.memory.rows import DeadLetterRow, MemoRow
from storage.states import State, refuse_to_go_back

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from storage.ledger import DeadLetter, Event, JsonValue, MemoKey, Place, Step, Story
    from storage.memory.rows import MemoryRows


class MemoryLedger(Ledger):
    """`Ledger` as dicts."""

    def __init__(self, clock: Callable[[], float], rows: MemoryRows) -> None:
        self._now = clock
        self._rows = rows
        self._memos, self._letters, self._queues, self._aside = rows.memos, rows.letters, rows.queues, rows.aside
        self._sequence = count(1)

    async def claim(
        self, key: MemoKey, *, owner: str, lease_seconds: float, facts: Mapping[str, JsonValue]
    ) -> Claim | Held | Parked | Behind | Settled:
        memo = self._memos.get(key)
        if memo is None and self._rows.is_forgotten(facts):
            return Settled(State.IGNORED)
        if memo is not None and memo.state.settled:
            return Settled(memo.state)
        if memo is not None and memo.due_at is not None:
            return Parked()
        if memo is not None and (held := memo.held(self._now())):
            return held
        if queue := self._queues.get(key.chat_id):
            return Behind(next(iter(queue)))
        return (memo or self._add(key, facts)).grant(owner, self._now(), lease_seconds)

    async def renew(self, claim: Claim, *, lease_seconds: float) -> None:
        self._ours(claim).lease_until = self._now() + lease_seconds

    async def advance(self, claim: Claim, state: State, facts: Mapping[str, JsonValue]) -> None:
        memo = self._ours(claim)
        refuse_to_go_back(memo.state, state)
        memo.state, memo.facts = state, {**memo.facts, **facts}

    async def settle(
        self,
        claim: Claim,
        state: State,
        *,
        reason: str | None,
        facts: Mapping[str, JsonValue],
        steps: Sequence[Step],
        letter: DeadLetter | None = None,
    ) -> None:
        if not state.settled:
            raise ValueError(f"{state} settles nothing")
        memo = self._ours(claim)
        self._record(memo, reason, facts, steps)
        self._rows.unpark(memo)
        memo.state, memo.settled_at, memo.lease_until = state, self._now(), 0.0
        if letter is not None:
            self._write_letter(replace(letter, first_at=memo.begun_at))

    async def release(self, claim: Claim, *, steps: Sequence[Step]) -> None:
        try:
            memo = self._ours(claim)
        except Fenced:
            return
        self._record(memo, memo.reason, {}, steps)
        memo.lease_until = 0.0

    async def park(
        self,
        claim: Claim,
        event: Event,
        *,
        seconds: float,
        reason: str,
        facts: Mapping[str, JsonValue],
        steps: Sequence[Step],
        holds_chat: bool = True,
    ) -> None:
        memo = self._ours(claim)
        self._record(memo, reason, facts, steps)
        self._park(memo, event, seconds, holds_chat=holds_chat)
        memo.tries, memo.lease_until = memo.tries + 1, 0.0

    async def park_behind(self, key: MemoKey, event: Event, *, facts: Mapping[str, JsonValue]) -> bool:
        memo = self._memos.get(key)
        if memo is None and self._rows.is_forgotten(facts):
            return True
        if memo is not None and (memo.state.settled or memo.due_at is not None):
            return True
        if (memo is not None and memo.held(self._now())) or not self._queues.get(key.chat_id):
            return False
        self._park(memo or self._add(key, facts), event, 0.0)
        return True

    async def due(self, topic: str, partitions: Collection[int], *, limit: int) -> Sequence[tuple[MemoKey, Place]]:
        now, found = self._now(), []
        for memo in (*(next(iter(queue.values())) for queue in self._queues.values()), *self._aside.values()):
            if memo.due_at is None or memo.event is None:
                raise RuntimeError("a parked memo has its time and its event")
            place = memo.event.place
            if max(memo.due_at, memo.lease_until) <= now and place.topic == topic and place.partition in partitions:
                found.append((memo.due_at, memo.sequence, memo.key, place))
        return [(key, place) for *_, key, place in sorted(found, key=itemgetter(0, 1, 2))[:limit]]

    async def resume(self, key: MemoKey, *, owner: str, lease_seconds: float) -> Claim | Held | Behind | Settled:
        memo = self._memos[key]
        if memo.state.settled:
            return Settled(memo.state)
        if held := memo.held(self._now()):
            return held
        first = key if key in self._aside else next(iter(self._queues.get(key.chat_id, ())), key)
        return memo.grant(owner, self._now(), lease_seconds) if first == key else Behind(first)

    async def revive(
        self, key: MemoKey, *, owner: str, lease_seconds: float, without: Collection[str], again: bool
    ) -> Claim | Held | Settled:
        memo = self._memos[key]
        if held := memo.held(self._now()):
            return held
        if memo.purged_at is not None or (memo.state.settled and not memo.state.for_a_person and not again):
            return Settled(memo.state)
        if memo.state.settled or without:
            memo.state = State.RECEIVED
        event = self._event_of(key)
        if event is not None:
            self._park(memo, event, 0.0)
        else:
            self._rows.unpark(memo)
        memo.facts = {name: value for name, value in memo.facts.items() if name not in without}
        memo.generation += again
        memo.reason, memo.settled_at, memo.begun_at, memo.tries = None, None, self._now(), 0
        return memo.grant(owner, self._now(), lease_seconds)

    async def event(self, key: MemoKey) -> Event | None:
        return self._event_of(key)

    async def bury(self, letter: DeadLetter) -> None:
        if letter.event.place not in self._letters:
            self._write_letter(replace(letter, first_at=self._now()))

    async def unpublished(self, *, limit: int, seconds: float) -> Sequence[DeadLetter]:
        now = self._now()
        late = (each for each in self._letters.values() if each.publish_after is not None and each.publish_after <= now)
        taken = list(islice(late, limit))
        for each in taken:
            each.publish_after = now + seconds
        return [each.letter for each in taken]

    async def mark_published(self, letter: DeadLetter) -> None:
        kept = self._letters.get(letter.event.place)
        if kept is not None and kept.letter.fence == letter.fence:
            kept.publish_after = None

    async def find(self, message_id: str) -> Sequence[Story]:
        now = self._now()
        found = [memo for key, memo in self._memos.items() if key.message_id == message_id]
        return [memo.story(now, memo.steps) for memo in sorted(found, key=attrgetter("key"))]

    async def waiting(self, *, limit: int) -> Sequence[Story]:
        now = self._now()
        found = sorted(
            (memo for memo in self._memos.values() if memo.waits(now)), key=lambda memo: (-memo.received_at, memo.key)
        )
        return [memo.story(now) for memo in found[:limit]]

    async def dead_letters(self, *, limit: int) -> Sequence[DeadLetter]:
        return [each.contentless() for each in islice(reversed(self._letters.values()), limit)]

    def _add(self, key: MemoKey, facts: Mapping[str, JsonValue]) -> MemoRow:
        now = self._now()
        memo = self._memos[key] = MemoRow(key, dict(facts), received_at=now, begun_at=now)
        return memo

    def _event_of(self, key: MemoKey) -> Event | None:
        memo = self._memos.get(key)
        if memo is not None and memo.event is not None:
            return memo.event
        return next((each.letter.event for each in reversed(self._letters.values()) if each.letter.key == key), None)

    def _ours(self, claim: Claim) -> MemoRow:
        memo = self._memos.get(claim.key)
        if memo is None or memo.fence != claim.fence or memo.lease_until <= self._now() or memo.state.settled:
            raise Fenced("the claim is no longer ours")
        return memo

    def _record(self, memo: MemoRow, reason: str | None, facts: Mapping[str, JsonValue], steps: Sequence[Step]) -> None:
        memo.reason, memo.facts = reason, {**memo.facts, **facts}
        memo.steps += [replace(step, fence=memo.fence) for step in steps]

    def _park(self, memo: MemoRow, event: Event, seconds: float, *, holds_chat: bool = True) -> None:
        if not (holds_chat and memo.sequence):
            self._rows.unpark(memo)
        memo.event, memo.due_at = event, self._now() + seconds
        if not holds_chat:
            self._aside[memo.key] = memo
        elif not memo.sequence:
            memo.sequence = next(self._sequence)
            self._queues.setdefault(memo.key.chat_id, {})[memo.key] = memo

    def _write_letter(self, letter: DeadLetter) -> None:
        # One that overwrites another of its place keeps that one's age and order.
        place = letter.event.place
        before = self._letters.get(place)
        if before is not None:
            letter = replace(letter, first_at=before.letter.first_at)
        self._letters[place] = DeadLetterRow(letter, self._now() + DEAD_LETTER_SECONDS, self._now())
