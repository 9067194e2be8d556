"""Ledger: one row per memo; who holds it, how far it got, how it ended. Plain rows: it knows no type of the consumer.

The key is (chat_id, message_id). A claim takes a lease and a fencing number that only grows; every later write carries
the number, and the store itself refuses a stale holder, by its own clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

JsonValue: TypeAlias = "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"


class State(StrEnum):
    """How far a memo got; from ANSWERED on it is settled."""

    RECEIVED = "received"
    KEPT = "kept"
    HEARD = "heard"
    ANSWERED_TEXT = "answered-text"
    SPOKEN = "spoken"
    SENDING = "sending"
    ANSWERED = "answered"
    APOLOGISED = "apologised"
    IGNORED = "ignored"
    FAILED = "failed"
    DEAD = "dead"

    @property
    def settled(self) -> bool:
        """Whether nothing more is owed to the person by itself."""
        return self in _SETTLED


_SETTLED = frozenset({State.ANSWERED, State.APOLOGISED, State.IGNORED, State.FAILED, State.DEAD})


_ORDER = tuple(State)


def later(one: State, other: State) -> State:
    """Give the one that lies further on a memo's way."""
    return max(one, other, key=_ORDER.index)


def refuse_to_go_back(reached: State, state: State) -> None:
    """Raise ValueError when `state` lies before what is reached: a caller's bug."""
    if _ORDER.index(state) < _ORDER.index(reached):
        raise ValueError(f"a memo does not go back from {reached} to {state}")


@dataclass(frozen=True, slots=True)
class MemoKey:
    """What a memo is known by."""

    chat_id: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Claim:
    """We hold the memo, until the lease runs out."""

    key: MemoKey
    fence: int
    """Grows with each claim of this memo."""
    state: State
    """How far an earlier holder got."""
    facts: Mapping[str, JsonValue] = field(repr=False)
    """What earlier holders stored with advance(): transcript, reply, archive keys…"""


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody else holds it."""

    owner: str
    seconds_left: float
    """Of their lease, in seconds."""


@dataclass(frozen=True, slots=True)
class Settled:
    """It is settled already."""

    state: State


@dataclass(frozen=True, slots=True)
class Step:
    """One stage, or one rung tried: a line of the memo's story."""

    stage: str
    seconds: float
    rung: str | None = None
    error: str | None = None
    """A constant word; None when it went well."""


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of one memo."""

    key: MemoKey
    state: State
    reason: str | None
    fence: int
    owner: str | None
    received_at: float
    """Seconds since the epoch, by the store's clock."""
    settled_at: float | None
    facts: Mapping[str, JsonValue] = field(repr=False)
    steps: Sequence[Step]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that ended in the dead-letter topic."""

    topic: str
    partition: int
    offset: int
    reason: str
    stage: str
    key: MemoKey | None = None


class Ledger(Protocol):
    """Every method raises StoreUnavailable when it may succeed later."""

    async def claim(
        self, key: MemoKey, *, owner: str, lease_seconds: float, facts: Mapping[str, JsonValue]
    ) -> Claim | Held | Settled:
        """Take the memo unless it is settled or held under a lease that still runs; one atomic step.

        `facts` are stored when the memo is new.
        """
        ...

    async def renew(self, claim: Claim, *, lease_seconds: float) -> None:
        """Make the lease run anew from now. Raises Fenced when the claim is no longer ours."""
        ...

    async def advance(self, claim: Claim, state: State, facts: Mapping[str, JsonValue]) -> None:
        """Record that the memo got as far as `state`, with what was gained. Raises Fenced."""
        ...

    async def settle(
        self, claim: Claim, state: State, *, reason: str | None, facts: Mapping[str, JsonValue], steps: Sequence[Step]
    ) -> None:
        """End the memo in a settled state, with its story, and give up the lease. Raises Fenced."""
        ...

    async def release(self, claim: Claim, *, steps: Sequence[Step]) -> None:
        """Give up the lease unsettled, so that another may take it at once. A stale claim is left alone."""
        ...

    async def bury(self, letter: DeadLetter) -> None:
        """Account for a dead-lettered event; doing so again (same topic, partition, offset) changes nothing."""
        ...

    async def find(self, message_id: str) -> Sequence[Story]:
        """Tell the stories of that message id (one in each chat that has it)."""
        ...

    async def dead_letters(self, *, limit: int) -> Sequence[DeadLetter]:
        """The newest dead letters first."""
        ...
