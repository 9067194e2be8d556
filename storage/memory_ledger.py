"""The ledger in memory: a double that keeps every promise of the port, within one event loop."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count, islice
from typing import TYPE_CHECKING

from storage.errors import Fenced
from storage.ledger import Behind, Claim, Held, Parked, Settled, State, Story, refuse_to_go_back

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from storage.ledger import DeadLetter, Event, JsonValue, MemoKey, Place, Step

_WRITER_SECONDS = 30.0
"""How long whoever wrote a letter has to publish it before others do, in seconds."""


@dataclass(slots=True)
class _Memo:
    key: MemoKey
    facts: dict[str, JsonValue]
    """Never changed in place: claims and stories share it."""
    received_at: float
    begun_at: float
    """Its age counts from here."""
    state: State = State.RECEIVED
    reason: str | None = None
    fence: int = 0
    owner: str = ""
    lease_until: float = 0.0
    settled_at: float | None = None
    generation: int = 1
    tries: int = 0
    due_at: float | None = None
    """None: it is not parked."""
    sequence: int = 0
    """Of its parking."""
    event: Event | None = None
    steps: list[Step] = field(default_factory=list)


@dataclass(slots=True)
class _Letter:
    letter: DeadLetter
    publish_after: float | None
    """None: the topic has it."""


class MemoryLedger:
    """Memos, parked memos by chat, and dead letters, as dicts.

    Args:
        clock: the ledger's own clock, in seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._now = clock
        self._memos: dict[MemoKey, _Memo] = {}
        self._queues: dict[str, dict[MemoKey, _Memo]] = {}
        """The parked memos of each chat, in the order in which they were first parked."""
        self._letters: dict[Place, _Letter] = {}
        self._sequence = count(1)

    async def claim(
        self, key: MemoKey, *, owner: str, lease_seconds: float, facts: Mapping[str, JsonValue]
    ) -> Claim | Held | Parked | Behind | Settled:
        """Take a memo that an event has brought, unless it is settled, parked, held, or would overtake a parked one."""
        memo = self._memos.get(key)
        if memo is not None and memo.state.settled:
            return Settled(memo.state)
        if memo is not None and memo.due_at is not None:
            return Parked()
        if queue := self._queues.get(key.chat_id):
            return Behind(next(iter(queue)))
        memo = memo or self._add(key, facts)
        return self._held(memo) or self._grant(memo, owner, lease_seconds)

    async def renew(self, claim: Claim, *, lease_seconds: float) -> None:
        """Make the lease run anew from now. Raises Fenced."""
        self._ours(claim).lease_until = self._now() + lease_seconds

    async def advance(self, claim: Claim, state: State, facts: Mapping[str, JsonValue]) -> None:
        """Record how far the memo got. Raises Fenced."""
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
        """End the memo, with its story and its dead letter, and give up the lease. Raises Fenced."""
        if not state.settled:
            raise ValueError(f"{state} settles nothing")
        memo = self._ours(claim)
        self._tell(memo, reason, facts, steps)
        self._unpark(memo)
        memo.state, memo.settled_at, memo.lease_until, memo.event = state, self._now(), 0.0, None
        if letter is not None:
            self._write(replace(letter, first_at=memo.begun_at))

    async def release(self, claim: Claim, *, steps: Sequence[Step]) -> None:
        """Give up the lease unsettled; a stale claim is left alone."""
        try:
            memo = self._ours(claim)
        except Fenced:
            return
        self._tell(memo, memo.reason, {}, steps)
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
    ) -> None:
        """Give up the lease until the memo is due, and let its chat wait behind it. Raises Fenced."""
        memo = self._ours(claim)
        self._tell(memo, reason, facts, steps)
        self._park(memo, event, seconds)
        memo.tries, memo.lease_until = memo.tries + 1, 0.0

    async def park_behind(self, key: MemoKey, event: Event, *, facts: Mapping[str, JsonValue]) -> bool:
        """Park a new memo behind the parked ones of its chat; False when there are none any more."""
        memo = self._memos.get(key)
        if memo is not None and (memo.state.settled or memo.due_at is not None):
            return True
        if (memo is not None and self._held(memo)) or not self._queues.get(key.chat_id):
            return False
        self._park(memo or self._add(key, facts), event, 0.0)
        return True

    async def due(self, topic: str, partitions: Collection[int], *, limit: int) -> Sequence[tuple[MemoKey, Place]]:
        """Name parked memos that are due, free, and first of their chats; the longest due first."""
        now, found = self._now(), []
        for queue in self._queues.values():
            first = next(iter(queue.values()))
            if first.due_at is None or first.event is None:
                raise RuntimeError("a parked memo has its time and its event")
            place = first.event.place
            if max(first.due_at, first.lease_until) <= now and place.topic == topic and place.partition in partitions:
                found.append((first.due_at, first.sequence, first.key, place))
        return [(key, place) for _, _, key, place in sorted(found)[:limit]]

    async def resume(self, key: MemoKey, *, owner: str, lease_seconds: float) -> Claim | Held | Behind | Settled:
        """Take a parked memo; it stays parked until it is settled. Raises KeyError."""
        memo = self._memos[key]
        if memo.state.settled:
            return Settled(memo.state)
        if held := self._held(memo):
            return held
        first = next(iter(self._queues.get(key.chat_id, ())), key)
        return self._grant(memo, owner, lease_seconds) if first == key else Behind(first)

    async def revive(
        self, key: MemoKey, *, owner: str, lease_seconds: float, without: Collection[str], again: bool
    ) -> Claim | Held | Settled:
        """Take a memo that has failed, as an operator; it becomes unsettled, and its age begins anew."""
        memo = self._memos[key]
        if held := self._held(memo):
            return held
        if memo.state.settled and not memo.state.for_a_person and not again:
            return Settled(memo.state)
        if memo.state.settled or without:
            memo.state = State.RECEIVED
        self._unpark(memo)
        memo.facts = {name: value for name, value in memo.facts.items() if name not in without}
        memo.generation += again
        memo.reason, memo.settled_at, memo.begun_at, memo.tries = None, None, self._now(), 0
        return self._grant(memo, owner, lease_seconds)

    async def event(self, key: MemoKey) -> Event | None:
        """Give the event that brought a memo, where it is kept."""
        memo = self._memos.get(key)
        if memo is not None and memo.event is not None:
            return memo.event
        return next((each.letter.event for each in reversed(self._letters.values()) if each.letter.key == key), None)

    async def bury(self, letter: DeadLetter) -> None:
        """Keep the letter of an event that is no memo, once."""
        if letter.event.place not in self._letters:
            self._write(replace(letter, first_at=self._now()))

    async def unpublished(self, *, limit: int, seconds: float) -> Sequence[DeadLetter]:
        """Take letters that the topic may not have, oldest first."""
        now = self._now()
        late = (each for each in self._letters.values() if each.publish_after is not None and each.publish_after <= now)
        taken = list(islice(late, limit))
        for each in taken:
            each.publish_after = now + seconds
        return [each.letter for each in taken]

    async def published(self, place: Place) -> None:
        """Note that the topic has the letter of the event at this place."""
        if place in self._letters:
            self._letters[place].publish_after = None

    async def find(self, message_id: str) -> Sequence[Story]:
        """Tell the stories of that message id."""
        found = [memo for key, memo in self._memos.items() if key.message_id == message_id]
        return [self._story(memo, memo.steps) for memo in sorted(found, key=lambda memo: memo.key.chat_id)]

    async def waiting(self, *, limit: int) -> Sequence[Story]:
        """Tell, without their steps, the stories of memos that have failed or are parked; the newest first."""
        found = [memo for memo in self._memos.values() if memo.state.for_a_person or memo.due_at is not None]
        found.sort(key=lambda memo: (-memo.received_at, memo.key.chat_id, memo.key.message_id))
        return [self._story(memo) for memo in found[:limit]]

    async def dead_letters(self, *, limit: int) -> Sequence[DeadLetter]:
        """Give the newest dead letters first, without what their events say."""
        newest = (each.letter for each in islice(reversed(self._letters.values()), limit))
        return [replace(each, event=replace(each.event, key=None, value=None, headers=())) for each in newest]

    def _add(self, key: MemoKey, facts: Mapping[str, JsonValue]) -> _Memo:
        now = self._now()
        memo = self._memos[key] = _Memo(key, dict(facts), received_at=now, begun_at=now)
        return memo

    def _ours(self, claim: Claim) -> _Memo:
        memo = self._memos.get(claim.key)
        if memo is None or memo.fence != claim.fence or memo.lease_until <= self._now() or memo.state.settled:
            raise Fenced("the claim is no longer ours")
        return memo

    def _held(self, memo: _Memo) -> Held | None:
        seconds_left = memo.lease_until - self._now()
        return Held(memo.owner, seconds_left) if seconds_left > 0 else None

    def _grant(self, memo: _Memo, owner: str, lease_seconds: float) -> Claim:
        now = self._now()
        memo.fence, memo.owner, memo.lease_until = memo.fence + 1, owner, now + lease_seconds
        age_seconds = now - memo.begun_at
        return Claim(memo.key, memo.fence, memo.state, memo.facts, memo.generation, memo.tries, age_seconds)

    def _tell(self, memo: _Memo, reason: str | None, facts: Mapping[str, JsonValue], steps: Sequence[Step]) -> None:
        memo.reason, memo.facts = reason, {**memo.facts, **facts}
        memo.steps += [replace(step, fence=memo.fence) for step in steps]

    def _park(self, memo: _Memo, event: Event, seconds: float) -> None:
        if memo.due_at is None:
            memo.sequence = next(self._sequence)
        memo.event, memo.due_at = event, self._now() + seconds
        self._queues.setdefault(memo.key.chat_id, {})[memo.key] = memo

    def _unpark(self, memo: _Memo) -> None:
        """Take a memo out of its chat's queue; a queue is never empty."""
        memo.due_at = None
        queue = self._queues.get(memo.key.chat_id, {})
        queue.pop(memo.key, None)
        if not queue:
            self._queues.pop(memo.key.chat_id, None)

    def _write(self, letter: DeadLetter) -> None:
        """Write a letter, or write it again where its place has one: it keeps its age, and its place in the row."""
        place = letter.event.place
        before = self._letters.get(place)
        if before is not None:
            letter = replace(letter, first_at=before.letter.first_at)
        self._letters[place] = _Letter(letter, self._now() + _WRITER_SECONDS)

    def _story(self, memo: _Memo, steps: Sequence[Step] = ()) -> Story:
        held = memo.lease_until > self._now()
        return Story(
            key=memo.key,
            state=memo.state,
            reason=memo.reason,
            fence=memo.fence,
            owner=memo.owner if held else None,
            received_at=memo.received_at,
            settled_at=memo.settled_at,
            facts=memo.facts,
            steps=tuple(steps),
            generation=memo.generation,
            tries=memo.tries,
            due_at=memo.due_at,
            lease_until=memo.lease_until if held else None,
        )
