"""Forgetting finds everything of one person, and nothing of another."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from storage.archive import original_key, reply_key, wav_key
from storage.deletion.forgetting import Forgetting
from storage.deletion.items import Deleter, DeletionKind, DeletionResult
from storage.history import PastTurn
from storage.ledger import Claim, DeadLetter, Event, JsonValue, MemoKey, Place, Settled
from storage.memory.store import MemoryArchive, MemoryStore
from storage.people import person_pseudonym, pseudonym
from storage.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECRET = b"a key of the tests"
THEM, OTHER = "+15550100001", "+15550100002"


@dataclass
class World:
    """A store and an archive in which people have spoken."""

    handle: str = THEM
    archive: MemoryArchive = field(default_factory=MemoryArchive)

    def __post_init__(self) -> None:
        self.store = MemoryStore(clock=NOW.timestamp)
        store = self.store
        self.forgetting = Forgetting(
            store.ledger, store.purging, store.history, self.archive, handle=self.handle, key=SECRET
        )
        self.dispose = Deleter(store.purging, self.archive, "purge", who=self.forgetting.who)

    async def memo(
        self, chat: str, message: str, person: str, *, group: bool = False, settled: bool = True, named: bool = True
    ) -> Claim:
        """Add a memo with its turns, recording and reply."""
        user = pseudonym(person, SECRET)
        keys = {"original": original_key(user, NOW, message, ".caf"), "spoken": reply_key(NOW, message, ".m4a")}
        for key in keys.values():
            await self.archive.put(key, b"x", content_type="audio/wav")
        known: dict[str, JsonValue] = {**keys, "sent_at": NOW.isoformat(), "group": group}
        if named:
            known |= {"person": person, "who": person_pseudonym(person, SECRET)}
        claim = await self.store.ledger.claim(MemoKey(chat, message), owner="x", lease_seconds=9, facts=known)
        assert isinstance(claim, Claim)
        await self.store.history.append(
            chat, message, [PastTurn("user", "q", "en", NOW), PastTurn("assistant", "a", "en", NOW)]
        )
        if settled:
            await self.store.ledger.settle(claim, State.ANSWERED, reason=None, facts={}, steps=[])
        return claim

    async def found(self, limit: int = 99) -> list[tuple[DeletionKind, str]]:
        """List their items."""
        return [(item.kind, item.name) for item in await self.forgetting.items(limit)]

    async def forget(self) -> list[DeletionResult]:
        """Delete their items."""
        return [await self.dispose(item) for item in await self.forgetting.items(99)]

    async def turns(self, chat: str) -> int:
        """Count the turns of a chat."""
        return len(await self.store.history.recent(chat, limit=99))


@pytest.fixture
def world() -> World:
    """An empty world."""
    return World()


def _memos(*names: str) -> Sequence[tuple[DeletionKind, str]]:
    return [(DeletionKind.MEMO, name) for name in names]


async def test_chat_of_their_own_is_all_theirs(world: World) -> None:
    """In a chat that names no other person, nameless memos and all turns are theirs too."""
    await world.memo("51", "1", THEM)
    await world.memo("51", "2", "", named=False)
    await world.memo("52", "3", OTHER)
    await world.store.history.append("51", "unknown", [PastTurn("user", "q", "en", NOW)])
    assert await world.found() == [*_memos("1 in chat 51", "2 in chat 51"), (DeletionKind.TURNS, "chat 51")]
    assert set(await world.forget()) == {DeletionResult.DELETED}
    assert (await world.turns("51"), await world.turns("52")) == (0, 2)
    assert {key.rpartition("_")[2] for key in await world.archive.keys()} == {"3.caf", "3.m4a"}
    assert await world.found() == []


@pytest.mark.parametrize("group", [True, False])
async def test_in_a_shared_chat_only_their_memos_are_theirs(world: World, group: bool) -> None:  # noqa: FBT001 (a row)
    """In a group, or among other names, only memos known to be theirs go."""
    await world.memo("51", "1", THEM, group=group)
    await world.memo("51", "2", OTHER, group=group)
    await world.memo("51", "3", "", group=group, named=False)
    assert await world.found() == _memos("1 in chat 51")
    await world.forget()
    assert await world.turns("51") == 4
    assert {story.purged_at is None for name in ("2", "3") for story in await world.store.ledger.find(name)} == {True}
    assert await world.found() == []


@pytest.mark.parametrize("spelt", ["+15550100001", "+1 (555) 010-0001", "0015550100001"])
async def test_number_is_known_however_it_is_spelt(world: World, spelt: str) -> None:
    """Memos and recordings under any spelling of the number are theirs."""
    await world.memo("51", "1", spelt, group=True)
    assert await world.found() == _memos("1 in chat 51")
    stray = wav_key(pseudonym(spelt, SECRET), NOW, "1")
    await world.archive.put(stray, b"x", content_type="audio/wav")
    assert (DeletionKind.OBJECT, stray) in await world.found()


async def test_rows_of_an_older_release(world: World) -> None:
    """A memo with the number and no pseudonym is theirs; a longer number is not."""
    facts = {"person": THEM}
    await world.store.ledger.claim(MemoKey("51", "1"), owner="x", lease_seconds=0, facts=facts)
    await world.store.ledger.claim(MemoKey("52", "2"), owner="x", lease_seconds=0, facts={"person": f"{THEM}9"})
    assert await world.found() == _memos("1 in chat 51")


async def test_address_instead_of_a_number() -> None:
    """Addresses are compared without case."""
    world = World("Somebody@Example.com")
    await world.memo("51", "1", "somebody@example.COM")
    assert (DeletionKind.MEMO, "1 in chat 51") in await world.found()


async def test_what_waits_ends_and_what_is_held_is_reported(world: World) -> None:
    """A free memo ends; a held one is left for another run."""
    held = await world.memo("51", "1", THEM, settled=False)
    waiting = await world.memo("51", "2", THEM, settled=False)
    await world.store.ledger.release(waiting, steps=[])
    assert await world.forget() == [DeletionResult.HELD, DeletionResult.DELETED, DeletionResult.DELETED]
    (story,) = await world.store.ledger.find("2")
    assert (story.state, story.reason) == (State.IGNORED, "forgotten")
    await world.store.ledger.settle(held, State.ANSWERED, reason=None, facts={}, steps=[])
    assert await world.forget() == [DeletionResult.DELETED]
    assert await world.found() == []


async def test_old_names_in_the_archive(world: World) -> None:
    """Recordings without a memo are found under pseudonym and number; others' are not."""
    theirs = [wav_key(pseudonym(THEM, SECRET), NOW, "8"), wav_key(THEM, NOW, "9")]
    others = [wav_key(pseudonym(OTHER, SECRET), NOW, "8"), wav_key(OTHER, NOW, "9"), reply_key(NOW, "8", ".m4a")]
    for key in (*theirs, *others):
        await world.archive.put(key, b"x", content_type="audio/wav")
    assert sorted(await world.found()) == sorted((DeletionKind.OBJECT, key) for key in theirs)


async def test_what_came_back_is_found_by_their_empty_rows(world: World) -> None:
    """A reply that another machine uploads late is found again, unless another's memo may own it."""
    await world.memo("51", "1", THEM)
    await world.forget()
    late = [reply_key(NOW, "1", ".m4a"), reply_key(NOW, "1", ".m4a", generation=2)]
    for key in late:
        await world.archive.put(key, b"x", content_type="audio/mp4")
    assert await world.found() == [(DeletionKind.OBJECT, key) for key in sorted(late)]
    await world.memo("52", "1", OTHER)
    assert await world.found() == []


async def test_chat_that_tells_the_number(world: World) -> None:
    """Rows of a chat known by the number go too; the pseudonym keeps the memo from being answered."""
    await world.memo(f"iMessage;-;{THEM}", "1", THEM)
    await world.forgetting.block_late_events()
    assert (DeletionKind.ROW, f"1 in chat iMessage;-;{THEM}") in await world.found()
    await world.forget()
    assert (await world.found(), await world.store.ledger.find("1")) == ([], [])
    facts = {"who": person_pseudonym(THEM, SECRET), "sent_at": NOW.isoformat()}
    key = MemoKey(f"iMessage;-;{THEM}", "1")
    answer = await world.store.ledger.claim(key, owner="x", lease_seconds=9, facts=facts)
    assert answer == Settled(State.IGNORED)


async def test_letters_that_name_them(world: World) -> None:
    """Stray letters are theirs where they contain the number."""
    for offset, value in enumerate((b'{"from": "+15550100001"', b"{}", f"{OTHER}".encode())):
        event = Event(Place("t", 0, offset), 0.0, None, value)
        await world.store.ledger.bury(DeadLetter(event, "not-json", "parse"))
    assert await world.found() == [(DeletionKind.DEAD_LETTER, "t[0]@0")]


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_so_many_at_most_are_listed(world: World, limit: int) -> None:
    """A list keeps to its limit, and begins alike."""
    for number in range(2):
        await world.memo("51", str(number), THEM)
    await world.archive.put(wav_key(THEM, NOW, "9"), b"x", content_type="audio/wav")
    whole = await world.found()
    assert len(whole) == 4
    assert await world.found(limit) == whole[:limit]


async def test_nobody_is_named_in_a_repr(world: World) -> None:
    """Neither number nor secret shows."""
    assert not [each for each in (THEM, THEM[1:], SECRET.decode()) if each in repr(world.forgetting)]
