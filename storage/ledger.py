"""Ledger: one row per memo: who holds it, how far it got, how it ended. It knows no type of the consumer.

The key is (chat_id, message_id). A claim takes a lease and a fencing number that only grows; every later write carries
the number, and the store refuses a stale holder, by its own clock.

A memo that must wait is parked together with its event, so Kafka is done with it; its chat waits behind it. Likewise a
memo is settled and its dead letter written in one step, and the letter is published from here until that has succeeded:
no crash can part the two.
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
"""The longest lease, in seconds. One that ends later was granted before the clock was set back."""
LETTER_SECONDS = 30.0
"""How long the writer of a letter has to publish it before others do, in seconds."""


@dataclass(frozen=True, slots=True)
class MemoKey:
    """Identity of a memo."""

    chat_id: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Place:
    """Position of an event in Kafka."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Event:
    """An event as Kafka delivered it, kept so that Kafka is not asked for it again."""

    place: Place
    at: float
    """Timestamp of the record, in seconds since the epoch."""
    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """Ownership of a memo until the lease runs out."""

    key: MemoKey
    fence: int
    """Grows with each claim of this memo."""
    state: State
    facts: Mapping[str, JsonValue] = field(repr=False)
    """What earlier holders stored: transcript, reply, archive keys…"""
    generation: int = 1
    """Number of the reply; grows only when an operator asks for another one."""
    tries: int = 0
    """How often it was parked after a try."""
    age_seconds: float = 0.0
    """Since it was received, or last revived, by the store's clock."""


@dataclass(frozen=True, slots=True)
class Held:
    """Refusal: another holder has a lease."""

    owner: str
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Parked:
    """Refusal: it is parked with its event, for the owner of its partition."""


@dataclass(frozen=True, slots=True)
class Behind:
    """Refusal: an earlier memo of its chat is parked, and must not be overtaken."""

    first: MemoKey


@dataclass(frozen=True, slots=True)
class Settled:
    """Refusal: it is settled already."""

    state: State


@dataclass(frozen=True, slots=True)
class Step:
    """One stage, or one rung tried: a line of the memo's story."""

    stage: str
    seconds: float
    rung: str | None = None
    error: str | None = None
    """A constant word; None when it succeeded."""
    fence: int = 0
    """Of the claim under which it happened; set by the ledger."""


@dataclass(frozen=True, slots=True)
class Story:
    """Everything known of one memo."""

    key: MemoKey
    state: State
    reason: str | None
    """Why it ended so, or is parked: a constant word."""
    fence: int
    owner: str | None
    received_at: float
    """Seconds since the epoch, by the store's clock; so are all moments below."""
    settled_at: float | None
    facts: Mapping[str, JsonValue] = field(repr=False)
    steps: Sequence[Step]
    generation: int = 1
    tries: int = 0
    due_at: float | None = None
    """None: it is not parked."""
    lease_until: float | None = None
    """None: no holder."""
    purged_at: float | None = None
    """When it was emptied (storage/purging.py), after which it cannot be claimed."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that could not be answered, and why. Its place is its identity."""

    event: Event
    reason: str
    stage: str
    key: MemoKey | None = None
    """None: the event is no memo."""
    attempts: int = 1
    digest: str | None = None
    """Of a bug's traceback: the same bug has the same one."""
    first_at: float | None = None
    """When it was first worked on, in seconds since the epoch by the store's clock; set by the ledger."""
    fence: int = 0
    """Of the claim that wrote it: a later letter of the memo has a greater one. 0: it is no memo's."""


class Ledger(Protocol):
    """Every method is one atomic step, and raises StoreUnavailable when it may succeed later."""

    async def claim(
        self, key: MemoKey, *, owner: str, lease_seconds: float, facts: Mapping[str, JsonValue]
    ) -> Claim | Held | Parked | Behind | Settled:
        """Claim a memo for the event that brought it. `facts` are stored when the memo is new.

        The first line that applies decides:

            is the memo…                                       answer            a new memo is stored
            new, and sent before its person was forgotten      Settled(IGNORED)  no
            settled                                            Settled
            parked                                             Parked
            leased                                             Held
            later than a parked memo of its chat               Behind            no
            anything else                                      Claim             yes
        """
        ...

    async def renew(self, claim: Claim, *, lease_seconds: float) -> None:
        """Restart the lease from now. Raises Fenced when the claim is no longer ours."""
        ...

    async def advance(self, claim: Claim, state: State, facts: Mapping[str, JsonValue]) -> None:
        """Record that the memo reached `state`, and add facts. Raises Fenced."""
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
        """End the memo in a settled state, with its steps and its dead letter, and end the lease. Raises Fenced."""
        ...

    async def release(self, claim: Claim, *, steps: Sequence[Step]) -> None:
        """End the lease unsettled, so that another may claim at once. A stale claim changes nothing."""
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
        """End the lease; the memo is due in so many seconds, and its chat waits behind it. Raises Fenced.

        A memo that was parked before keeps its place in its chat. With `holds_chat=False` (its reply is out) it leaves
        the queue of its chat: later memos pass it, and it waits behind none.
        """
        ...

    async def park_behind(self, key: MemoKey, event: Event, *, facts: Mapping[str, JsonValue]) -> bool:
        """Park a new memo, due at once, behind the parked ones of its chat; return False when there are none left."""
        ...

    async def due(self, topic: str, partitions: Collection[int], *, limit: int) -> Sequence[tuple[MemoKey, Place]]:
        """List parked memos of these partitions that are due, free, and behind no other; the longest due first."""
        ...

    async def resume(self, key: MemoKey, *, owner: str, lease_seconds: float) -> Claim | Held | Behind | Settled:
        """Claim a parked memo; it stays parked until it is settled. Raises KeyError when there is no such memo."""
        ...

    async def revive(
        self, key: MemoKey, *, owner: str, lease_seconds: float, without: Collection[str], again: bool
    ) -> Claim | Held | Settled:
        """Claim a failed memo as an operator: it becomes unsettled, and its age starts anew.

        If its event is known it is parked from now on, in its place, else as the last of its chat, so workers take over
        if the operator lets go or dies. Otherwise it is not parked any more, and waiting() lists it.

        Args:
            key: of the memo.
            owner: who claims it.
            lease_seconds: for how long.
            without: names of facts to drop, so that what they stand for is done again.
            again: claim an answered memo too, as a new generation: a further reply. Without it that is Settled; a memo
                that was emptied is Settled either way.

        Raises:
            KeyError: there is no such memo.
        """
        ...

    async def event(self, key: MemoKey) -> Event | None:
        """Return the event that brought a memo, which is kept while it is parked or has a dead letter."""
        ...

    async def bury(self, letter: DeadLetter) -> None:
        """Keep the letter of an event that is no memo; a second letter for the same place changes nothing.

        A topic that was deleted and created anew counts from 0 again: where it reaches the place of an old letter, the
        old one stays, and the new event's is not kept.
        """
        ...

    async def unpublished(self, *, limit: int, seconds: float) -> Sequence[DeadLetter]:
        """Take letters that the topic may lack, oldest first; others do not get them for so many seconds.

        A new letter counts as taken by its writer for LETTER_SECONDS.
        """
        ...

    async def published(self, letter: DeadLetter) -> None:
        """Mark this letter as published, unless a later claim has written it again."""
        ...

    async def find(self, message_id: str) -> Sequence[Story]:
        """Return the stories of that message id: one for each chat that has it."""
        ...

    async def waiting(self, *, limit: int) -> Sequence[Story]:
        """List memos that failed, are parked, or are orphaned, newest first and without their steps.

        A memo is orphaned when it was revived without its event and then let go of: no worker will claim it.
        """
        ...

    async def dead_letters(self, *, limit: int) -> Sequence[DeadLetter]:
        """List dead letters, newest first, without the contents of their events."""
        ...
