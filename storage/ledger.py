"""Ledger: a row per memo with its holder, progress and end.

A claim takes a lease and a fencing number that only grows; later writes carry the number, and the store refuses stale
holders by its own clock. A memo that must wait is parked with its event, so that Kafka is done with it. A memo is
settled and its dead letter written in one step; dead letters are published from here until that has succeeded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from storage.states import State as State  # noqa: PLC0414, TC001 (part of the port)
from storage.states import later as later  # noqa: PLC0414 (part of the port)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

JsonValue: TypeAlias = "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"

LONGEST_LEASE_SECONDS = 300.0
"""A lease that ends later was granted before the clock was set back."""
DEAD_LETTER_SECONDS = 30.0
"""Time in which only the writer of a dead letter publishes it."""


@dataclass(frozen=True, slots=True, order=True)
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
    """An event as Kafka delivered it."""

    place: Place
    at: float
    """Record timestamp in seconds since the epoch."""
    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """Ownership of a memo until the lease runs out."""

    key: MemoKey
    fence: int
    state: State
    facts: Mapping[str, JsonValue] = field(repr=False)
    """Facts stored by earlier holders: transcript, reply, archive keys…"""
    generation: int = 1
    """Number of the reply: operators may order another."""
    tries: int = 0
    age_seconds: float = 0.0
    """Since it was received or revived."""


@dataclass(frozen=True, slots=True)
class Held:
    """Refusal: it is leased."""

    owner: str
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Parked:
    """Refusal: it is parked."""


@dataclass(frozen=True, slots=True)
class Behind:
    """Refusal: an earlier memo of its chat is parked."""

    first: MemoKey


@dataclass(frozen=True, slots=True)
class Settled:
    """Refusal: it is settled."""

    state: State


@dataclass(frozen=True, slots=True)
class Step:
    """One stage, or one attempt of a rung."""

    stage: str
    seconds: float
    rung: str | None = None
    error: str | None = None
    """A constant word; None when it succeeded."""
    fence: int = 0


@dataclass(frozen=True, slots=True)
class Story:
    """Everything known of one memo."""

    key: MemoKey
    state: State
    reason: str | None
    """Why it ended or is parked: a constant word."""
    fence: int
    owner: str | None
    received_at: float
    """Seconds since the epoch, as all times."""
    settled_at: float | None
    facts: Mapping[str, JsonValue] = field(repr=False)
    steps: Sequence[Step]
    generation: int = 1
    tries: int = 0
    due_at: float | None = None
    """When a parked memo is to be resumed."""
    lease_until: float | None = None
    purged_at: float | None = None
    """When it was emptied."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An unanswered event, identified by its place."""

    event: Event
    reason: str
    stage: str
    key: MemoKey | None = None
    """Memo of the letter; None: a stray letter, of an event that is no memo."""
    attempts: int = 1
    digest: str | None = None
    """Hash of a bug's type and frames."""
    first_at: float | None = None
    """When work began; set by the ledger."""
    fence: int = 0
    """Fence of the claim that wrote it; 0: a stray letter."""


class Ledger(Protocol):
    """Every method is one atomic step, and raises StoreUnavailable."""

    async def claim(
        self, key: MemoKey, *, owner: str, lease_seconds: float, facts: Mapping[str, JsonValue]
    ) -> Claim | Held | Parked | Behind | Settled:
        """Claim a memo for its event; `facts` are a new memo's. The first line that applies decides.

        the memo is…                                   answer            a new memo is stored
        new, sent before its person was forgotten      Settled(IGNORED)  no
        settled                                        Settled
        parked                                         Parked
        leased                                         Held
        behind a parked memo of its chat               Behind            no
        anything else                                  Claim             yes
        """

    async def renew(self, claim: Claim, *, lease_seconds: float) -> None:
        """Restart the lease. Raises Fenced."""

    async def advance(self, claim: Claim, state: State, facts: Mapping[str, JsonValue]) -> None:
        """Record a state and add facts. Raises Fenced."""

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
        """End the memo and the lease, with its steps and its dead letter. Raises Fenced."""

    async def release(self, claim: Claim, *, steps: Sequence[Step]) -> None:
        """End the lease unsettled; a stale claim changes nothing."""

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
        """End the lease; the memo is due in `seconds`. Raises Fenced.

        Its chat waits, in the order of first parking, unless `holds_chat=False`: its reply is out.
        """

    async def park_behind(self, key: MemoKey, event: Event, *, facts: Mapping[str, JsonValue]) -> bool:
        """Park a new memo, due at once, behind the parked ones of its chat; False when there are none."""

    async def due(self, topic: str, partitions: Collection[int], *, limit: int) -> Sequence[tuple[MemoKey, Place]]:
        """List parked memos that are due, free and first in their chat, by due time."""

    async def resume(self, key: MemoKey, *, owner: str, lease_seconds: float) -> Claim | Held | Behind | Settled:
        """Claim a parked memo, which stays parked until settled. Raises KeyError."""

    async def revive(
        self, key: MemoKey, *, owner: str, lease_seconds: float, without: Collection[str], again: bool
    ) -> Claim | Held | Settled:
        """Claim a failed memo as an operator: unsettled, its age restarted. Raises KeyError.

        If its event is known it is parked too, so that workers take over when the operator releases it or crashes.

        Args:
            key: of the memo.
            owner: of the lease.
            lease_seconds: length of the lease.
            without: names of facts to drop, so that their work is done again.
            again: claim an answered memo too, as a new generation; an emptied one stays Settled.
        """

    async def event(self, key: MemoKey) -> Event | None:
        """Return the event of a memo that is parked or has a dead letter."""

    async def bury(self, letter: DeadLetter) -> None:
        """Keep a stray letter, once for each place, even of a topic that was created again."""

    async def unpublished(self, *, limit: int, seconds: float) -> Sequence[DeadLetter]:
        """Take unpublished dead letters for `seconds`; a new one is its writer's for DEAD_LETTER_SECONDS."""

    async def mark_published(self, letter: DeadLetter) -> None:
        """Mark a dead letter as published, unless a later claim wrote it again."""

    async def find(self, message_id: str) -> Sequence[Story]:
        """Return the stories of a message id, by chat."""

    async def waiting(self, *, limit: int) -> Sequence[Story]:
        """List memos that failed, are parked, or are orphaned (revived without an event and released), newest first."""

    async def dead_letters(self, *, limit: int) -> Sequence[DeadLetter]:
        """List dead letters, newest first, without contents."""
