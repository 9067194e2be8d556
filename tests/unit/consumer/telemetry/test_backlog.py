"""What waits, as a worker's metrics tell it: memos in the ledger, and uploads that the archive is owed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from consumer.telemetry.backlog import Backlog
from storage.archives.disk import DiskArchive
from storage.archives.retrying import RetryingArchive
from storage.ledger import Claim, Event, MemoKey, Place
from storage.memory.store import MemoryStore
from storage.states import State
from storage.supabase.store import SupabaseStore

if TYPE_CHECKING:
    from pathlib import Path

    from storage.ledger import Ledger


@dataclass
class Clock:
    """A clock that is set by hand."""

    now: float = 1_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def ledger(clock: Clock) -> Ledger:
    """An empty ledger."""
    return MemoryStore(clock=clock).ledger


@pytest.fixture
def archive(tmp_path: Path) -> RetryingArchive:
    """An archive that takes nothing, and so is owed all."""
    (tmp_path / "archive").write_text("a file where a folder should be")
    return RetryingArchive(DiskArchive(tmp_path / "archive"), tmp_path / "owed", max_bytes=1_000_000)


async def _claimed(ledger: Ledger, number: int) -> Claim:
    claim = await ledger.claim(MemoKey(f"chat-{number}", "m"), owner="a", lease_seconds=30, facts={})
    assert isinstance(claim, Claim)
    return claim


async def _parked(ledger: Ledger, number: int, reason: str = "deliver-unavailable") -> None:
    event = Event(Place("message.received", 0, number), 0.0, None, b"{}", ())
    await ledger.park(await _claimed(ledger, number), event, seconds=5, reason=reason, facts={}, steps=())


async def test_nothing_waits(ledger: Ledger, archive: RetryingArchive, clock: Clock) -> None:
    """Where nothing waits every state is there, and is 0."""
    backlog = Backlog(ledger, archive, clock=clock)
    await backlog.look()
    assert backlog.memos == {"parked": 0, "failed": 0, "dead": 0, "interrupted": 0}
    assert (backlog.oldest_parked_seconds, backlog.owed.count, backlog.owed.bytes) == (0.0, 0, 0)


async def test_what_waits_is_counted(ledger: Ledger, archive: RetryingArchive, clock: Clock) -> None:
    """Memos are counted by how they stand; the oldest is one whose person waits, not one that is only not kept."""
    backlog = Backlog(ledger, archive, clock=clock)
    await _parked(ledger, 1, "not-kept")
    clock.now += 100
    await _parked(ledger, 2)
    clock.now += 10
    await _parked(ledger, 3)
    claim = await _claimed(ledger, 4)
    await ledger.settle(claim, State.FAILED, reason="deliver-gone", facts={}, steps=())
    await _claimed(ledger, 5)
    await archive.put("voice_memo_a.caf", b"sound", content_type="audio/x-caf")
    clock.now += 7
    await backlog.look()
    assert backlog.memos == {"parked": 3, "failed": 1, "dead": 0, "interrupted": 0}
    assert backlog.oldest_parked_seconds == 17
    assert backlog.owed.count == 1
    assert backlog.owed.bytes > len(b"sound")


async def test_what_cannot_be_seen_stays(archive: RetryingArchive, unused_tcp_port: int) -> None:
    """While the ledger is away what was seen last is still reported, and nothing is raised: the worker goes on."""
    store = SupabaseStore(f"http://127.0.0.1:{unused_tcp_port}", "key")
    await store.open()
    backlog = Backlog(store.ledger, archive)
    backlog.memos["parked"] = 3
    await archive.put("voice_memo_a.caf", b"sound", content_type="audio/x-caf")
    await backlog.look()
    await store.close()
    assert backlog.memos["parked"] == 3
    assert backlog.owed.count == 1
