"""Rows of the ledger in memory: memos and letters, as it keeps and tells them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from storage.ledger import State, Story

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.ledger import DeadLetter, Event, JsonValue, MemoKey, Step


@dataclass(slots=True)
class Memo:
    """A memo, as far as it got."""

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
    """Of its parking; 0: it holds up no chat."""
    event: Event | None = None
    """For as long as it is parked."""
    steps: list[Step] = field(default_factory=list)

    def waits(self, now: float) -> bool:
        """Whether somebody should know of it: it failed, is parked, or was revived, unparked, and let go of."""
        if self.state.for_a_person or self.due_at is not None:
            return True
        revived = self.generation > 1 or self.begun_at != self.received_at
        return revived and not self.state.settled and self.lease_until <= now

    def story(self, now: float, steps: Sequence[Step] = ()) -> Story:
        """Tell all that is known of it, with these of its steps."""
        held = self.lease_until > now
        return Story(
            key=self.key,
            state=self.state,
            reason=self.reason,
            fence=self.fence,
            owner=self.owner if held else None,
            received_at=self.received_at,
            settled_at=self.settled_at,
            facts=self.facts,
            steps=tuple(steps),
            generation=self.generation,
            tries=self.tries,
            due_at=self.due_at,
            lease_until=self.lease_until if held else None,
        )


@dataclass(slots=True)
class Letter:
    """A dead letter, and whether it is to be published."""

    letter: DeadLetter
    publish_after: float | None
    """None: the topic has it."""
