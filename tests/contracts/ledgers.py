"""Events, dead letters and memos for the contract suites of stores."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from storage.ledger import Claim, DeadLetter, Event, MemoKey, Place
from storage.states import State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from storage.factory import Store
    from storage.ledger import Ledger, Story

LEASE = 30.0
KEY = MemoKey("51", "810001")
SECOND = MemoKey("51", "810002")
THIRD = MemoKey("51", "810003")
ELSEWHERE = MemoKey("52", "810001")


class Clock:
    """The store's clock, set by the test."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@asynccontextmanager
async def opened(store: Store) -> AsyncIterator[Store]:
    """Open a store."""
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def event_at(offset: int, *, partition: int = 0, topic: str = "t") -> Event:
    """Return a binary event with this offset."""
    headers = (("trace", b"\xff\x00"), ("trace", b"again"), ("empty", b""))
    return Event(Place(topic, partition, offset), offset + 0.25, b"\x00key", b"\xfe%d" % offset, headers)


def letter_at(offset: int, key: MemoKey | None = None, *, reason: str = "not-json", fence: int = 0) -> DeadLetter:
    """Return the dead letter of such an event."""
    return DeadLetter(event_at(offset), reason, "hear" if key else "parse", key, 3, "ab12", fence=fence)


async def claimed(ledger: Ledger, key: MemoKey = KEY, owner: str = "one") -> Claim:
    """Claim a free memo."""
    claim = await ledger.claim(key, owner=owner, lease_seconds=LEASE, facts={"first": owner})
    assert isinstance(claim, Claim)
    return claim


async def resumed(ledger: Ledger, key: MemoKey = KEY) -> Claim:
    """Resume a free parked memo."""
    claim = await ledger.resume(key, owner="two", lease_seconds=LEASE)
    assert isinstance(claim, Claim)
    return claim


async def revived(ledger: Ledger, key: MemoKey = KEY, *, without: tuple[str, ...] = (), again: bool = False) -> Claim:
    """Revive a memo as an operator."""
    claim = await ledger.revive(key, owner="operator", lease_seconds=LEASE, without=without, again=again)
    assert isinstance(claim, Claim)
    return claim


async def parked(ledger: Ledger, key: MemoKey = KEY, *, seconds: float = 10.0, offset: int = 1) -> Event:
    """Claim and park a memo; return its event."""
    event = event_at(offset)
    await park(ledger, await claimed(ledger, key), event, seconds=seconds)
    return event


async def park(ledger: Ledger, claim: Claim, event: Event, *, seconds: float = 10.0, holds_chat: bool = True) -> None:
    """Park a claimed memo."""
    facts, reason = {"reply": "hi"}, "deliver-down"
    await ledger.park(claim, event, seconds=seconds, reason=reason, facts=facts, steps=[], holds_chat=holds_chat)


async def behind(ledger: Ledger, key: MemoKey, offset: int) -> Event:
    """Park a memo behind others; return its event."""
    event = event_at(offset)
    assert await ledger.park_behind(key, event, facts={"first": "behind"})
    return event


async def due_keys(ledger: Ledger) -> Sequence[MemoKey]:
    """List what is due in the first partition."""
    return [key for key, _ in await ledger.due("t", [0], limit=9)]


async def ask_for(ledger: Ledger, key: MemoKey = KEY) -> object:
    """Claim a memo; return the answer."""
    return await ledger.claim(key, owner="two", lease_seconds=LEASE, facts={})


async def ask_to_resume(ledger: Ledger, key: MemoKey = KEY) -> object:
    """Resume a memo; return the answer."""
    return await ledger.resume(key, owner="two", lease_seconds=LEASE)


async def settle(
    ledger: Ledger, claim: Claim, state: State = State.ANSWERED, *, letter: DeadLetter | None = None
) -> None:
    """Settle a claimed memo."""
    reason = letter.reason if letter else None
    await ledger.settle(claim, state, reason=reason, facts={}, steps=[], letter=letter)


async def story_of(ledger: Ledger, key: MemoKey = KEY) -> Story:
    """Return a memo's story."""
    (story,) = [story for story in await ledger.find(key.message_id) if story.key == key]
    return story
