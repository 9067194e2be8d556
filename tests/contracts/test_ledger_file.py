"""What the ledger's SQLite file promises: shared by processes, brought up to date, and told of when it is away."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from storage.errors import StoreUnavailable
from storage.ledger import Claim, DeadLetter, Event, MemoKey, Place, State, Step
from storage.sqlite import SqliteStore
from tests.contracts.ledgers import KEY, LEASE, Clock, event_at, revived, settle, story_of

if TYPE_CHECKING:
    from pathlib import Path


FIRST_SCHEMA = resources.files("storage") / "schema" / "sqlite" / "0001_first.sql"


async def test_many_claims_of_few_memos(tmp_path: Path) -> None:
    """Of many who claim the same memos at once, through several connections to one file, one gets each."""
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


async def test_old_file_is_brought_up_to_date(tmp_path: Path, clock: Clock) -> None:
    """A file of the first schema keeps memos, steps and letters; the letters are published, their events unknown."""
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
    """A file that is no database is told as a store that is away."""
    (tmp_path / "folder").mkdir()
    store = SqliteStore(tmp_path / "folder")
    with pytest.raises(StoreUnavailable):
        await store.open()
    await store.close()
