"""Ledger: one row per memo; who holds it, how far it got, how it ended. Plain rows: it knows no type of the consumer.

The key is (chat_id, message_id). A claim takes a lease and a fencing number that only grows; every later write carries
the number, and the store itself refuses a stale holder, by its own clock.

A memo that must wait is parked, with the event that brought it: Kafka is done with it, and its chat waits behind it.
The same goes for dead letters: a memo is settled and its letter written in one step, and the letter is copied to the
dead-letter topic from here, again and again until that is done. So no crash can part the two.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from storage.states import State as State  # noqa: PLC0414, TC001 (a word of the port, for others to import)
from storage.states import later as later  # noqa: PLC0414 (the same)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

JsonValue: TypeAlias = "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"

LONGEST_LEASE_SECONDS = 300.0
"""What a claim may ask for, in seconds. A lease that ends later than that was given before the clock was set back."""
LETTER_SECONDS = 30.0
"""How long whoever wrote a letter has to publish it before others do, in seconds."""


@dataclass(frozen=True, slots=True)
class MemoKey:
    """What a memo is known by."""

    chat_id: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event stands in Kafka."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Event:
    """An event as Kafka gave it, kept so that nobody has to ask Kafka again."""

    place: Place
    at: float
    """The record's own time, in seconds since the epoch."""
    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)


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
    generation: int = 1
    """Which reply this is to be: grows only when an operator asks for another one."""
    tries: int = 0
    """How often it was parked after a try."""
    age_seconds: float = 0.0
    """Since it was received, or last revived, by the store's clock."""


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody else holds it."""

    owner: str
    seconds_left: float
    """Of their lease, in seconds."""


@dataclass(frozen=True, slots=True)
class Parked:
    """It is parked, with its event: whoever owns its partition takes it up when it is due."""


@dataclass(frozen=True, slots=True)
class Behind:
    """An earlier memo of its chat is parked, and it must not overtake that."""

    first: MemoKey


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
    fence: int = 0
    """Of the claim under which it happened; the ledger fills it in."""


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of one memo."""

    key: MemoKey
    state: State
    reason: str | None
    """Why it ended so, or why it is parked: a constant word."""
    fence: int
    owner: str | None
    received_at: float
    """Seconds since the epoch, by the store's clock."""
    settled_at: float | None
    facts: Mapping[str, JsonValue] = field(repr=False)
    steps: Sequence[Step]
    generation: int = 1
    tries: int = 0
    due_at: float | None = None
    """When it is to be taken up again; None where it is not parked."""
    lease_until: float | None = None
    """Until when somebody holds it; None where nobody does."""
    purged_at: float | None = None
    """When it was emptied (storage/purging.py), and nobody can have it any more; None where it was not."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that could not be answered, and why. Its place tells it from all others."""

    event: Event
    reason: str
    stage: str
    key: MemoKey | None = None
    """Of its memo, where one could be made out."""
    attempts: int = 1
    digest: str | None = None
    """Of the traceback, where it met a bug: the same bug gives the same one."""
    first_at: float | None = None
    """When it was first worked on, in seconds since the epoch by the store's clock; the ledger fills it in."""
    fence: int = 0
    """Of the claim that wrote it, and so a later letter of the same memo has a greater one; 0: it is no memo's."""


class Ledger(Protocol):
    """Every method is one atomic step, and raises StoreUnavailable when it may succeed later."""

    async def claim(
        self, key: MemoKey, *, owner: str, lease_seconds: float, facts: Mapping[str, JsonValue]
    ) -> Claim | Held | Parked | Behind | Settled:
        """Take a memo that an event has brought, unless it is settled, parked, held, or would overtake a parked one.

        Of these the first that is so is the answer: who holds a memo that is not parked is told before what it is
        behind of. `facts` are stored when the memo is new. A new memo that is Behind is not stored at all; nor is that
        of a person who was forgotten after it was sent (storage/purging.py), which gives Settled.
        """
        ...

    async def renew(self, claim: Claim, *, lease_seconds: float) -> None:
        """Make the lease run anew from now. Raises Fenced when the claim is no longer ours."""
        ...

    async def advance(self, claim: Claim, state: State, facts: Mapping[str, JsonValue]) -> None:
        """Record that the memo got as far as `state`, with what was gained. Raises Fenced."""
        ...

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
        """End the memo in a settled state, with its story and its dead letter, and give up the lease. Raises Fenced."""
        ...

    async def release(self, claim: Claim, *, steps: Sequence[Step]) -> None:
        """Give up the lease unsettled, so that another may take it at once. A stale claim is left alone."""
        ...

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
        """Give up the lease; the memo is due in so many seconds, and its chat waits behind it. Raises Fenced.

        A memo that was parked before keeps its place in its chat. One that holds up its chat no more (its reply is
        out) gives that up: later memos pass it, and it waits behind none.
        """
        ...

    async def park_behind(self, key: MemoKey, event: Event, *, facts: Mapping[str, JsonValue]) -> bool:
        """Park a new memo behind the parked ones of its chat, due at once; False when there are none any more."""
        ...

    async def due(self, topic: str, partitions: Collection[int], *, limit: int) -> Sequence[tuple[MemoKey, Place]]:
        """Name parked memos of these partitions that are due, free, and behind no other; the longest due first."""
        ...

    async def resume(self, key: MemoKey, *, owner: str, lease_seconds: float) -> Claim | Held | Behind | Settled:
        """Take a parked memo; it stays parked until it is settled. Raises KeyError when there is no such memo."""
        ...

    async def revive(
        self, key: MemoKey, *, owner: str, lease_seconds: float, without: Collection[str], again: bool
    ) -> Claim | Held | Settled:
        """Take a memo that has failed, as an operator; it becomes unsettled, and its age begins anew.

        Where its event is known it is parked from now on, in its place, else as the last of its chat: if the operator
        lets go of it, or dies, workers take it up. Else it is not parked any more, and waiting() tells of it.

        Args:
            key: of the memo.
            owner: who takes it.
            lease_seconds: for how long.
            without: names of facts to drop, so that what they stand for is done again.
            again: take an answered one too, as a new generation: a further reply. Without, that gives Settled; one that
                was emptied gives it either way.

        Raises:
            KeyError: there is no such memo.
        """
        ...

    async def event(self, key: MemoKey) -> Event | None:
        """Give the event that brought a memo, where it is kept: the memo is parked, or has a dead letter."""
        ...

    async def bury(self, letter: DeadLetter) -> None:
        """Keep the letter of an event that is no memo; doing so again (the same place) changes nothing.

        A topic that was deleted and made anew counts from 0 again: where it has reached the place of an old letter,
        the old one stays, and the new event's is not kept.
        """
        ...

    async def unpublished(self, *, limit: int, seconds: float) -> Sequence[DeadLetter]:
        """Take letters that the topic may not have, oldest first; nobody else gets them for so many seconds.

        A letter that was just written counts as taken, for LETTER_SECONDS, by whoever wrote it.
        """
        ...

    async def published(self, letter: DeadLetter) -> None:
        """Note that the topic has this letter; not if it was written again, by a later claim, in the meantime."""
        ...

    async def find(self, message_id: str) -> Sequence[Story]:
        """Tell the stories of that message id (one in each chat that has it)."""
        ...

    async def waiting(self, *, limit: int) -> Sequence[Story]:
        """Tell, without their steps, of memos that failed, are parked, or are nobody's; the newest first.

        A memo is nobody's when it was revived without its event, and then let go of: no worker will take it up.
        """
        ...

    async def dead_letters(self, *, limit: int) -> Sequence[DeadLetter]:
        """Give the newest dead letters first, without what their events say."""
        ...
