"""Retention finds what is too old and nothing else; deletion is safe to repeat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from storage.archive import original_key, reply_key, wav_key
from storage.deletion.items import Deleter, Deletion, DeletionKind, DeletionResult
from storage.deletion.retention import DAY_SECONDS, Retention
from storage.errors import ArchiveUnavailable
from storage.history import PastTurn
from storage.ledger import Claim, DeadLetter, Event, MemoKey, Place
from storage.memory.store import MemoryArchive, MemoryStore
from storage.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
USER = "b4ac6c0bad30e8ab"
WORDS, ROWS = 30 * DAY_SECONDS, 365 * DAY_SECONDS
KEY = MemoKey("51", "810001")


class Refusing(MemoryArchive):
    """An archive that may be away."""

    away = False

    async def delete(self, key: str) -> None:
        """Delete, or fail."""
        if self.away:
            raise ArchiveUnavailable("S3 says SlowDown")
        await super().delete(key)


@dataclass
class World:
    """A store and an archive at a time that a test sets."""

    now: datetime = NOW

    def __post_init__(self) -> None:
        self.store = MemoryStore(clock=self.clock)
        self.archive = Refusing()
        self.retention = Retention(self.store.ledger, self.store.purging, self.archive, WORDS, ROWS, self.clock)
        self.dispose = Deleter(self.store.purging, self.archive, "purge", WORDS)

    def clock(self) -> float:
        """Return the time."""
        return self.now.timestamp()

    async def memo(self, key: MemoKey, *, days: float, state: State | None = State.ANSWERED) -> list[str]:
        """Add a memo that old, settled or not; return its keys in the archive."""
        self.now = NOW - timedelta(days=days)
        keys = [
            original_key(USER, self.now, key.message_id, ".caf"),
            wav_key(USER, self.now, key.message_id),
            reply_key(self.now, key.message_id, ".m4a"),
        ]
        facts = {"sent_at": self.now.isoformat(), **dict(zip(("original", "wav", "spoken"), keys, strict=True))}
        for each in keys:
            await self.archive.put(each, b"x", content_type="audio/wav")
        claim = await self.store.ledger.claim(key, owner="x", lease_seconds=1, facts=facts)
        assert isinstance(claim, Claim)
        if state is not None:
            await self.store.ledger.settle(claim, state, reason=None, facts={}, steps=[])
        self.now = NOW
        return keys

    async def overdue(self, limit: int = 99) -> list[tuple[DeletionKind, str]]:
        """List what is too old."""
        return _named(await self.retention.overdue(limit))

    async def dispose_all(self) -> list[DeletionResult]:
        """Delete what is too old."""
        return [await self.dispose(item) for item in await self.retention.overdue(99)]


@pytest.fixture
def world() -> World:
    """An empty world."""
    return World()


def _named(items: Sequence[Deletion]) -> list[tuple[DeletionKind, str]]:
    return [(item.kind, item.name) for item in items]


def _letter(offset: int) -> DeadLetter:
    return DeadLetter(Event(Place("t", 0, offset), 0.0, None, b"x"), "not-json", "parse")


async def test_young_memos_are_let_be(world: World) -> None:
    """A memo settled within RETENTION_DAYS stays, whenever it was sent."""
    keys = await world.memo(KEY, days=29)
    await world.archive.put(original_key(USER, NOW - timedelta(days=400), KEY.message_id, ".caf"), b"", content_type="")
    assert await world.overdue() == [
        (DeletionKind.OBJECT, original_key(USER, NOW - timedelta(days=400), "810001", ".caf"))
    ]
    await world.dispose_all()
    assert list(await world.archive.keys()) == sorted(keys)


@pytest.mark.parametrize("state", [State.ANSWERED, State.APOLOGISED, State.IGNORED, State.FAILED, State.DEAD])
async def test_old_memo_goes_with_all_that_it_has(world: World, state: State) -> None:
    """Words, recordings and turns of an old settled memo go; its row stays."""
    keys = await world.memo(KEY, days=31, state=state)
    await world.store.history.append("51", "810001", [PastTurn("user", "q", "en", NOW)])
    (item,) = await world.retention.overdue(9)
    assert (item.kind, item.name, list(item.objects)) == (DeletionKind.MEMO, "810001 in chat 51", keys)
    assert await world.dispose(item) is DeletionResult.DELETED
    assert await world.dispose(item) is DeletionResult.GONE
    (story,) = await world.store.ledger.find("810001")
    assert (story.state, dict(story.facts)) == (state, {})
    assert (list(await world.archive.keys()), list(await world.store.history.recent("51", limit=9))) == ([], [])
    assert await world.overdue() == []


@pytest.mark.parametrize("message_id", ["810001", "an id/of another kind", "6c0b-b4ac6c0bad30"])
async def test_nothing_of_an_unsettled_memo_is_deleted(world: World, message_id: str) -> None:
    """However old it is: while it waits, its recordings are needed."""
    keys = await world.memo(MemoKey("51", message_id), days=500, state=None)
    assert await world.overdue() == []
    assert await world.dispose(Deletion(DeletionKind.MEMO, "", MemoKey("51", message_id))) is DeletionResult.GONE
    assert list(await world.archive.keys()) == sorted(keys)


@pytest.mark.parametrize("message_id", ["810001", "an id/of another kind", "6c0b-b4ac6c0bad30"])
async def test_objects_that_no_memo_knows(world: World, message_id: str) -> None:
    """Old objects without a memo go; young and foreign ones stay."""
    old, young = NOW - timedelta(days=31), NOW - timedelta(days=29)
    strays = [wav_key(USER, old, message_id), reply_key(old, message_id, ".m4a", generation=2)]
    stays = [wav_key(USER, young, message_id), "notes.txt", "voice_memo_of_grandma.caf"]
    for key in (*strays, *stays):
        await world.archive.put(key, b"x", content_type="audio/wav")
    assert sorted(await world.overdue()) == [(DeletionKind.OBJECT, key) for key in sorted(strays)]
    assert set(await world.dispose_all()) == {DeletionResult.DELETED}
    assert sorted(await world.archive.keys()) == sorted(stays)


async def test_object_that_came_back(world: World) -> None:
    """An object put after its memo was emptied is found by its key."""
    keys = await world.memo(KEY, days=31)
    await world.dispose_all()
    await world.archive.put(keys[0], b"x", content_type="audio/wav")
    assert await world.overdue() == [(DeletionKind.OBJECT, keys[0])]


async def test_further_replies_go_too(world: World) -> None:
    """Facts name the last reply alone; earlier ones are deleted with the memo."""
    keys = await world.memo(KEY, days=40)
    world.now = NOW - timedelta(days=31)
    claim = await world.store.ledger.revive(KEY, owner="x", lease_seconds=9, without=[], again=True)
    assert isinstance(claim, Claim)
    again = reply_key(NOW - timedelta(days=40), "810001", ".m4a", generation=2)
    await world.archive.put(again, b"x", content_type="audio/mp4")
    await world.store.ledger.settle(claim, State.ANSWERED, reason=None, facts={"spoken": again}, steps=[])
    world.now = NOW
    assert len(keys) == 3
    assert await world.overdue() == [(DeletionKind.MEMO, "810001 in chat 51")]
    await world.dispose_all()
    assert (list(await world.archive.keys()), await world.overdue()) == ([], [])


async def test_rows_outlive_words(world: World) -> None:
    """An emptied row goes after LEDGER_DAYS."""
    await world.memo(KEY, days=100)
    await world.dispose_all()
    assert await world.overdue() == []
    world.now = NOW + timedelta(days=266)
    assert await world.overdue() == [(DeletionKind.ROW, "810001 in chat 51")]
    await world.dispose_all()
    assert list(await world.store.ledger.find("810001")) == []


async def test_letters_and_turns_of_no_memo(world: World) -> None:
    """Old stray letters, and old turns without a memo, go."""
    for days, offset in ((31, 1), (29, 2)):
        world.now = NOW - timedelta(days=days)
        await world.store.ledger.bury(_letter(offset))
        await world.store.history.append("51", f"m{offset}", [PastTurn("user", "q", "en", world.now)])
    world.now = NOW
    assert await world.overdue() == [(DeletionKind.TURNS, "m1 in chat 51"), (DeletionKind.DEAD_LETTER, "t[0]@1")]
    await world.dispose_all()
    assert await world.overdue() == []
    assert [letter.event.place.offset for letter in await world.store.ledger.dead_letters(limit=9)] == [2]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6])
async def test_so_many_at_most_are_listed(world: World, limit: int) -> None:
    """A list keeps to its limit, and begins alike."""
    for number in range(2):
        await world.memo(MemoKey("51", f"81000{number}"), days=31 + number)
        await world.archive.put(wav_key(USER, NOW - timedelta(days=60), f"9{number}"), b"x", content_type="audio/wav")
    world.now = NOW - timedelta(days=31)
    await world.store.ledger.bury(_letter(1))
    world.now = NOW
    whole = await world.overdue()
    assert [kind for kind, _ in whole] == [
        DeletionKind.MEMO,
        DeletionKind.MEMO,
        DeletionKind.OBJECT,
        DeletionKind.OBJECT,
        DeletionKind.DEAD_LETTER,
    ]
    assert await world.overdue(limit) == whole[:limit]


async def test_archive_that_is_away_costs_nothing(world: World) -> None:
    """A memo whose recordings cannot be deleted stays whole, and is listed again."""
    keys = await world.memo(KEY, days=31)
    (item,) = await world.retention.overdue(9)
    world.archive.away = True
    with pytest.raises(ArchiveUnavailable):
        await world.dispose(item)
    assert (await world.store.ledger.find("810001"))[0].facts["original"] == keys[0]
    world.archive.away = False
    assert await world.dispose(item) is DeletionResult.HELD
    world.now = NOW + timedelta(minutes=2)
    assert await world.dispose(item) is DeletionResult.DELETED


async def test_memo_that_an_operator_has_taken_since(world: World) -> None:
    """A listed memo that is being reprocessed stays, with its recordings."""
    keys = await world.memo(KEY, days=31, state=State.FAILED)
    (item,) = await world.retention.overdue(9)
    await world.store.ledger.revive(KEY, owner="x", lease_seconds=9, without=[], again=False)
    assert await world.dispose(item) is DeletionResult.GONE
    assert list(await world.archive.keys()) == sorted(keys)


async def test_a_deletion_needs_its_key(world: World) -> None:
    """An item without a key is a bug, and deletes nothing."""
    with pytest.raises(ValueError, match="the deletion of a memo lacks its key"):
        await world.dispose(Deletion(DeletionKind.MEMO, "nothing"))
