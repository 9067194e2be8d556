"""The ledger's SQLite file: shared by processes, migrated, and reported when it is unusable."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from storage.errors import StoreUnavailable
from storage.ledger import LONGEST_LEASE_SECONDS, Claim, DeadLetter, Event, Held, MemoKey, Place, Step
from storage.sqlite.store import SqliteStore
from storage.states import State
from tests.contracts.ledgers import (
    ELSEWHERE,
    KEY,
    LEASE,
    Clock,
    claimed,
    event_at,
    letter_at,
    parked,
    revived,
    settle,
    story_of,
)

if TYPE_CHECKING:
    from pathlib import Path


FIRST_SCHEMA = resources.files("storage") / "schema" / "sqlite" / "0001_first.sql"


async def test_many_claims_of_few_memos(tmp_path: Path) -> None:
    """Of many concurrent claims of the same memos, through several connections, one gets each."""
    stores = [SqliteStore(tmp_path / "shared.db") for _ in range(4)]
    await asyncio.gather(*(store.open() for store in stores))
    keys = [MemoKey("c", str(number)) for number in range(10)]
    claims = await asyncio.gather(
        *(
            store.ledger.claim(key, owner=str(number), lease_seconds=LEASE, facts={})
            for number, store in enumerate(stores)
            for key in keys
        )
    )
    await asyncio.gather(*(store.close() for store in stores))
    won = [claim.key for claim in claims if isinstance(claim, Claim)]
    assert sorted(won, key=lambda key: int(key.message_id)) == keys


async def test_a_clock_set_back_frees_the_dead(tmp_path: Path, clock: Clock) -> None:
    """After the clock was set back by a year a lease ends when the longest one would.

    It does not end at once: its holder may be alive, and renews it by the present clock.
    """
    store = SqliteStore(tmp_path / "back.db", clock=clock)
    await store.open()
    dead, alive = await claimed(store.ledger), await claimed(store.ledger, ELSEWHERE)
    clock.now -= 365 * 86400
    held = await store.ledger.claim(dead.key, owner="two", lease_seconds=LEASE, facts={})
    assert held == Held("one", LONGEST_LEASE_SECONDS)
    await store.ledger.renew(alive, lease_seconds=LEASE)
    clock.now += LONGEST_LEASE_SECONDS
    assert isinstance(await store.ledger.claim(dead.key, owner="two", lease_seconds=LEASE, facts={}), Claim)
    await store.close()


async def test_a_clock_set_back_keeps_nobody_waiting(tmp_path: Path, clock: Clock) -> None:
    """A parked memo that seems due in a year is resumed."""
    store = SqliteStore(tmp_path / "back.db", clock=clock)
    await store.open()
    await parked(store.ledger)
    assert await store.ledger.due("t", [0], limit=9) == []
    clock.now -= 365 * 86400
    assert [key for key, _ in await store.ledger.due("t", [0], limit=9)] == [KEY]
    await store.close()


async def test_old_file_is_brought_up_to_date(tmp_path: Path, clock: Clock) -> None:
    """A file of the first schema keeps memos, steps and letters; letters are published without their events."""
    with closing(sqlite3.connect(tmp_path / "old.db")) as old:
        old.executescript(FIRST_SCHEMA.read_text())
        columns = "chat_id, message_id, state, fence, lease_until, received_at, updated_at, facts"
        old.execute(f"INSERT INTO memos ({columns}) VALUES ('51', '810001', 'failed', 4, 0, 900, 950, '{{\"a\": 1}}')")  # noqa: S608 (a constant)
        old.execute("INSERT INTO steps VALUES (1, '51', '810001', 4, 'hear', 0.5, NULL, 'down', 940)")
        old.execute("INSERT INTO dead_letters VALUES (1, 't', 2, 3, 'hear-down', 'hear', '51', '810001', 950)")
        old.execute("PRAGMA user_version=1")
        old.commit()
    store = SqliteStore(tmp_path / "old.db", clock=clock)
    await store.open()
    ledger = store.ledger
    story = await story_of(ledger)
    assert (story.state, story.fence, story.facts, story.generation) == (State.FAILED, 4, {"a": 1}, 1)
    assert story.steps == (Step("hear", 0.5, None, "down", fence=4),)
    expected = DeadLetter(Event(Place("t", 2, 3), 950.0, None, None), "hear-down", "hear", KEY, 1, None, 950.0)
    assert await ledger.dead_letters(limit=9) == [expected]
    assert (await ledger.unpublished(limit=9, seconds=1), await ledger.event(KEY)) == ([], None)
    await settle(ledger, await revived(ledger), State.FAILED, letter=replace(expected, event=event_at(3, partition=2)))
    assert await ledger.event(KEY) == event_at(3, partition=2)
    await store.close()


async def test_store_that_cannot_be_had(tmp_path: Path) -> None:
    """A file that is no database counts as unavailable."""
    (tmp_path / "folder").mkdir()
    store = SqliteStore(tmp_path / "folder")
    with pytest.raises(StoreUnavailable):
        await store.open()
    await store.close()


async def test_no_bytes_of_what_was_deleted_are_left(tmp_path: Path, clock: Clock) -> None:
    """Nor any of an older release, which overwrote nothing: neither in free space nor in the journal."""
    path, keys = tmp_path / "store.db", [MemoKey(f"c{number % 7}", str(number)) for number in range(120)]
    old = SqliteStore(path, clock=clock)
    await old.open()
    await old.database.transact(lambda connection: connection.execute("PRAGMA secure_delete=OFF"))
    for key in keys:
        claim = await old.ledger.claim(key, owner="x", lease_seconds=LEASE, facts={"person": f"<{key.message_id}>"})
        assert isinstance(claim, Claim)
        for name in ("transcript", "reply", "said"):
            await old.ledger.advance(claim, State.HEARD, {name: f"<{key.message_id}>" * 40})
        await settle(old.ledger, claim, State.FAILED, letter=letter_at(int(key.message_id), key))
    await old.close()
    store, beside = SqliteStore(path, clock=clock), SqliteStore(path, clock=clock)
    for each in (store, beside):
        await each.open()
    gone, stays = keys[::2], keys[1::2]
    for key in gone:
        taken = await store.purging.take(key, owner="purger", lease_seconds=LEASE)
        assert isinstance(taken, Claim)
        await store.purging.empty(taken)
    assert await store.purging.scrub()
    # To close a file that SQLite has open undoes its locks (sqlite.org/howtocorrupt.html, 2.2): nothing below writes.
    left = await asyncio.to_thread(lambda: b"".join(each.read_bytes() for each in sorted(tmp_path.iterdir())))
    for each in (store, beside):
        await each.close()
    assert [key for key in gone if b"<%b>" % key.message_id.encode() in left] == []
    assert all(b"<%b>" % key.message_id.encode() in left for key in stays)


async def test_somebody_is_in_the_way_of_a_clean_file(tmp_path: Path) -> None:
    """A reader keeps the journal from being emptied, which is reported and no error."""
    store = SqliteStore(tmp_path / "store.db")
    await store.open()
    await store.database.transact(lambda connection: connection.execute("PRAGMA busy_timeout=10"))
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM memos").fetchone()
        await store.purging.forget("0123456789abcdef")
        assert not await store.purging.scrub()
        reader.execute("ROLLBACK")
    assert await store.purging.scrub()
    await store.close()
