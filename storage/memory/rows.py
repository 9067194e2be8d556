"""Rows of the store in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

from storage.ledger import Claim, Held, Story
from storage.purging import was_before
from storage.states import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.history import PastTurn
    from storage.ledger import DeadLetter, Event, JsonValue, MemoKey, Place, Step


@dataclass(slots=True)
class MemoRow:
    """Row of a memo."""

    key: MemoKey
    facts: dict[str, JsonValue]
    """Replaced, never changed: claims and stories share it."""
    received_at: float
    begun_at: float
    state: State = State.RECEIVED
    reason: str | None = None
    fence: int = 0
    owner: str = ""
    lease_until: float = 0.0
    settled_at: float | None = None
    generation: int = 1
    tries: int = 0
    due_at: float | None = None
    sequence: int = 0
    """Place in its chat's queue; 0: none."""
    event: Event | None = None
    steps: list[Step] = field(default_factory=list)
    purged_at: float | None = None

    def waits(self, now: float) -> bool:
        """Return whether it failed, is parked, or is orphaned (Ledger.waiting)."""
        if self.purged_at is not None:
            return False
        if self.state.for_a_person or self.due_at is not None:
            return True
        revived = self.generation > 1 or self.begun_at != self.received_at
        return revived and not self.state.settled and self.lease_until <= now

    def held(self, now: float) -> Held | None:
        seconds_left = self.lease_until - now
        return Held(self.owner, seconds_left) if seconds_left > 0 else None

    def grant(self, owner: str, now: float, lease_seconds: float) -> Claim:
        self.fence, self.owner, self.lease_until = self.fence + 1, owner, now + lease_seconds
        return Claim(self.key, self.fence, self.state, self.facts, self.generation, self.tries, now - self.begun_at)

    def story(self, now: float, steps: Sequence[Step] = ()) -> Story:
        known = {each.name: getattr(self, each.name) for each in fields(Story)} | {"steps": tuple(steps)}
        return Story(**known if self.lease_until > now else known | {"owner": None, "lease_until": None})


@dataclass(slots=True)
class DeadLetterRow:
    """Row of a dead letter."""

    letter: DeadLetter
    publish_after: float | None
    """When others may publish it; None: it is published."""
    at: float

    def contentless(self) -> DeadLetter:
        return replace(self.letter, event=replace(self.letter.event, key=None, value=None, headers=()))


@dataclass(slots=True)
class MemoryRows:
    """All rows."""

    memos: dict[MemoKey, MemoRow] = field(default_factory=dict)
    queues: dict[str, dict[MemoKey, MemoRow]] = field(default_factory=dict)
    """Parked memos that hold up their chats, in order; never empty."""
    aside: dict[MemoKey, MemoRow] = field(default_factory=dict)
    letters: dict[Place, DeadLetterRow] = field(default_factory=dict)
    turns: dict[str, dict[tuple[str, str], PastTurn]] = field(default_factory=dict)
    """Turns by chat, then by message and role."""
    forgotten: dict[str, float] = field(default_factory=dict)
    """Pseudonyms with the moments, in seconds since the epoch."""

    def unpark(self, memo: MemoRow) -> None:
        memo.due_at, memo.event, memo.sequence = None, None, 0
        self.aside.pop(memo.key, None)
        queue = self.queues.get(memo.key.chat_id, {})
        queue.pop(memo.key, None)
        if not queue:
            self.queues.pop(memo.key.chat_id, None)

    def is_forgotten(self, facts: Mapping[str, JsonValue]) -> bool:
        """Return whether a memo's person was forgotten after it was sent."""
        forgotten_at = self.forgotten.get(str(facts.get("who")))
        return forgotten_at is not None and was_before(facts.get("sent_at"), forgotten_at)
