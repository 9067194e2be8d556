"""A person asks to be forgotten, and time goes by: a real worker, real stores, and `voicememo purge` as a process.

What is left is looked for where it lies: in the bytes of every file, and in every row of every table.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
import sys
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from consumer.notices import EventPassed
from sandbox.faults import FaultKind, ScriptedFault
from storage.archive import original_key
from storage.archives.spool import Spool, SpooledObject
from storage.people import pseudonym
from tests.acceptance.conftest import rig
from tests.harness.paths import MEMOS
from tests.harness.processes import environment, lines_of, run_to_end
from tests.postgres.database import OWNER, connected, empty
from tests.postgres.postgrest import SERVICE_KEY, PostgRest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from storage.ledger import Story
    from tests.acceptance.conftest import Rig
    from tests.postgres.server import PostgresServer

THEM, OTHER = "+15550100001", "+15550100002"
SPELT = "+1 (555) 010-0001"
THEIRS, OTHERS = MEMOS / "en-call-me.caf", MEMOS / "en-bread.opus"
AWAY, NOT_LET_IN = ScriptedFault(FaultKind.STATUS, 503, retry_after="0"), ScriptedFault(FaultKind.STATUS, 401)
THEIR_WORDS = ("walrus", "marmalade", "periscope", "zeppelin")
SENT_AT = datetime(2026, 11, 21, 8, 15, 57, tzinfo=UTC)
MOST_RUNS = 20
READ_ALL = """
import pathlib, sys
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*")):
    if path.is_file():
        sys.stdout.buffer.write(path.name.encode() + bytes([10]) + path.read_bytes() + bytes([10]))
"""
DAY_SECONDS = 86_400


@dataclass
class Home:
    """A worker, and all that is kept of it."""

    made: Rig
    variables: Mapping[str, str]
    rows: Callable[[], Awaitable[bytes]]
    """Gives every row of every table, where they are in no file of ours."""

    async def purge(self, *arguments: str) -> tuple[int | None, list[dict[str, Any]]]:
        """Call the command; return its exit status, and its JSON."""
        status, out = await self.ended("purge", "--json", *arguments)
        return status, lines_of(out)

    async def ended(self, *command: str) -> tuple[int | None, str]:
        """Call a command; give its exit status, and what it said."""
        status, out, _ = await run_to_end(*command, variables=self.variables)
        return status, out

    async def kept(self) -> bytes:
        """Give the bytes of all that is kept, names of files included.

        Another process reads them: to close a file that SQLite has open in this one would undo its locks
        (sqlite.org/howtocorrupt.html, 2.2).
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", READ_ALL, self.made.folder, stdout=asyncio.subprocess.PIPE
        )
        files, _ = await process.communicate()
        return files + await self.rows()

    async def has(self, *needles: bytes) -> list[bytes]:
        """Say which of these are found anywhere, as they are or as PostgreSQL writes bytes."""
        everything = await self.kept()
        return [each for each in needles if each in everything or each.hex().encode() in everything]

    async def says(self, message_id: str, words: str, chat: str, person: str = THEM, *, group: bool = False) -> bytes:
        """Put a memo on the topic, in which so much is heard; give its event."""
        self.made.sandbox.mind.words = f"listen, a {words} is coming"  # type: ignore[attr-defined] # a scripted one
        value = await asyncio.to_thread(_event, message_id, chat, person, group)
        await self.made.put(THEIRS, value)
        return value


def _event(message_id: str, chat: str, person: str, group: bool) -> bytes:  # noqa: FBT001 (a row of a table)
    path = THEIRS if person == THEM else OTHERS
    attachment = {"type": "audio", "filename": path.name, "data_base64": base64.b64encode(path.read_bytes()).decode()}
    whose: dict[str, Any] = {"id": message_id, "from_phone": person, "chat": {"id": chat, "is_group": group}}
    data = {**whose, "attachments": [attachment]}
    return json.dumps({"event_type": "message.received", "data": data}).encode()


def _settled(story: Story) -> bool:
    return story.state.settled


@asynccontextmanager
async def _in_sqlite(folder: Path) -> AsyncIterator[Home]:
    async def no_rows() -> bytes:
        return b""

    async with rig(folder) as made:
        yield Home(made, made.environment(), no_rows)


@asynccontextmanager
async def _in_postgres(folder: Path, server: PostgresServer, database: str) -> AsyncIterator[Home]:
    async def rows() -> bytes:
        async with connected(server, OWNER, database) as owner:
            tables = await owner.fetch("select relname from pg_class where relkind = 'r' and relname like 'voicememo%'")
            found = [await owner.fetch(f"select row_to_json(t)::text from {name} as t") for (name,) in tables]  # noqa: S608 (names out of the catalogue)
        return b"\n".join(text.encode() for table in found for (text,) in table)

    await empty(server, database)
    async with PostgRest(server, database) as rest:
        project = {"STORE_URL": "supabase", "SUPABASE_URL": rest.url, "SUPABASE_KEY": SERVICE_KEY}
        async with rig(folder, **project) as made:
            yield Home(made, made.environment(**project), rows)


@pytest.fixture(params=["sqlite", "postgres"])
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], AbstractAsyncContextManager[Home]]:
    """How a worker with each store in turn is started, on a folder that holds nothing else."""
    if request.param == "sqlite":
        return partial(_in_sqlite, tmp_path)
    server, database = request.getfixturevalue("postgres"), request.getfixturevalue("database")
    return partial(_in_postgres, tmp_path, server, database)


@pytest_asyncio.fixture
async def home(opening: Callable[[], AbstractAsyncContextManager[Home]]) -> AsyncIterator[Home]:
    """It runs."""
    async with opening() as made:
        yield made


async def _lived(home: Home) -> bytes:
    """Let both of them speak, and things go wrong; give the event of their first memo, which was answered."""
    faults = home.made.sandbox.faults
    answered = await home.says("1001", "walrus", "alone")
    await home.made.until("1001", _settled)
    for message_id, words, chat, person in (("1002", "marmalade", "group", THEM), ("2001", "trombone", "group", OTHER)):
        await home.says(message_id, words, chat, person, group=True)
        await home.made.until(message_id, _settled)
    await home.says("2002", "elevator", "others", OTHER)
    await home.made.until("2002", _settled)
    faults.always("series.send", NOT_LET_IN)
    await home.says("1003", "periscope", "alone")
    assert (await home.made.until("1003", _settled)).state == "failed"
    faults.always("series.send", AWAY)
    await home.says("1004", "zeppelin", "alone")
    await home.made.until("1004", lambda story: story.due_at is not None)
    await home.made.put(THEIRS, json.dumps({"event_type": "message.received", "data": {"from": THEM}, "x": 1}).encode())
    await home.made.put(THEIRS, b'{"from": "+15550100001", is no JSON')
    await home.made.all_committed()
    await asyncio.to_thread(_owe, home.made)
    return answered


def _owe(made: Rig) -> None:
    """Leave a recording of theirs in the folder of what is owed, as another process may have."""
    key = made.settings.pseudonym_key
    assert key is not None
    name = original_key(pseudonym(THEM, key), SENT_AT, "1000", ".caf")
    owed = Spool(made.folder / "owed", 10**8, lambda: 1_700_000_000.0)
    owed.write(SpooledObject(name, "audio/x-caf", THEIRS.read_bytes(), {"message-id": "1000"}))


async def _forgotten(home: Home) -> list[dict[str, Any]]:
    """Have them forgotten, while a worker holding a memo of theirs releases it. Return what was deleted."""
    deleted = []
    for _ in range(MOST_RUNS):
        status, told = await home.purge("--person", SPELT)
        deleted += [each for each in told[:-1] if each["fate"] == "deleted"]
        if status == 0:
            return deleted
        assert told[-1]["held"]
    raise AssertionError("a memo of theirs is held all the time")


async def test_nothing_of_a_person_is_left(home: Home) -> None:
    """Words, number and recordings are nowhere any more; others' are whole, and nothing of theirs comes back."""
    answered = await _lived(home)
    recording = await asyncio.to_thread(THEIRS.read_bytes)
    traces = (THEM.encode(), THEM[1:].encode(), recording, base64.b64encode(recording)[:200])
    theirs = (*(word.encode() for word in THEIR_WORDS), *traces)
    others = (b"trombone", b"elevator", OTHER.encode(), await asyncio.to_thread(OTHERS.read_bytes))
    assert await home.has(*theirs, *others) == [*theirs, *others]

    status, listed = await home.purge("--person", SPELT, "--dry-run")
    assert status == 0
    assert {each["fate"] for each in listed[:-1]} == {"listed"}
    assert {each["name"].split()[0] for each in listed if each.get("kind") == "memo"} == {
        "1001", "1002", "1003", "1004"
    }  # fmt: skip
    assert await home.has(*theirs, *others) == [*theirs, *others]

    deleted = await _forgotten(home)
    assert {(each["kind"], each["name"]) for each in listed[:-1]} <= {(each["kind"], each["name"]) for each in deleted}
    assert await home.has(*theirs) == []
    assert await home.has(*others) == list(others)

    before = len(home.made.sandbox.sent)
    home.made.sandbox.faults.clear()
    await home.made.put(THEIRS, answered)
    await home.made.all_committed()
    assert [notice for notice in home.made.notices if notice == EventPassed("settled-before")]
    assert (await home.ended("reprocess", "1003"))[0] == 3
    assert (await home.ended("reprocess", "--again", "1001"))[0] == 3
    assert json.loads((await home.ended("show", "1001", "--json"))[1])["purged_at"]
    assert (await home.ended("failed", "--json"))[1] == ""
    assert (len(home.made.sandbox.sent), await home.has(*theirs)) == (before, [])

    await home.says("1005", "saxophone", "alone")
    assert (await home.made.until("1005", _settled)).state == "answered"
    assert await home.has(b"saxophone", THEM.encode(), *theirs[:4]) == [b"saxophone", THEM.encode()]


async def test_backlog_of_a_person_is_not_answered(home: Home) -> None:
    """A memo that they sent before, and that comes only afterwards, is passed over; nothing of it is kept."""
    status, _ = await home.purge("--person", THEM)
    assert status == 0
    value = json.loads(_event("1001", "alone", THEM, group=False))
    value["data"]["sent_at"] = "2020-01-01T00:00:00Z"
    await home.made.put(THEIRS, json.dumps(value).encode())
    await home.made.all_committed()
    assert home.made.sandbox.sent == []
    assert await home.has(THEM.encode(), THEM[1:].encode()) == []
    assert list(await home.made.store.ledger.find("1001")) == []


async def test_what_is_too_old_is_deleted(tmp_path: Path) -> None:
    """After RETENTION_DAYS words and recordings are gone; that it was answered is known until LEDGER_DAYS are over."""
    async with _in_sqlite(tmp_path) as home:
        old = await home.says("1001", "walrus", "alone")
        await home.made.until("1001", _settled)
        home.made.sandbox.faults.always("series.send", AWAY)
        await home.says("1002", "zeppelin", "waiting")
        await home.made.until("1002", lambda story: story.due_at is not None)
        await asyncio.to_thread(_age, tmp_path, 31)
        home.made.sandbox.faults.clear()
        recording = await asyncio.to_thread(THEIRS.read_bytes)
        assert (await home.made.until("1002", _settled)).state == "answered"

        status, listed = await home.purge("--dry-run")
        assert (status, [(each["kind"], each["name"]) for each in listed[:-1]]) == (0, [("memo", "1001 in chat alone")])
        assert len(listed[0]["objects"]) == 3
        status, told = await home.purge()
        assert (status, told[-1]["deleted"], told[-1]["more"]) == (0, 1, False)
        assert await home.has(b"walrus", b"zeppelin", recording) == [b"zeppelin", recording]
        assert not [path for path in await asyncio.to_thread(_names, tmp_path / "archive") if "1001" in path]

        await home.made.put(THEIRS, old)
        await home.made.all_committed()
        assert len(home.made.sandbox.sent) == 2
        await asyncio.to_thread(_age, tmp_path, 365)
        status, told = await home.purge()
        assert (status, {each.get("kind") for each in told[:-1]}) == (0, {"memo", "row"})
        assert list(await home.made.store.ledger.find("1001")) == []


async def test_runs_are_bounded(tmp_path: Path) -> None:
    """A run deletes so much at most and says that there is more; run again and again, all goes."""
    async with _in_sqlite(tmp_path) as home:
        for number in range(3):
            await home.says(f"100{number}", "walrus", "alone")
            await home.made.until(f"100{number}", _settled)
        await asyncio.to_thread(_age, tmp_path, 31)
        told = [(await home.purge("--limit", "2"))[1][-1] for _ in range(3)]
        assert [(each["deleted"], each["more"]) for each in told] == [(2, True), (1, False), (0, False)]
        status, said = await home.ended("purge")
        assert (status, said) == (0, "Deleted: nothing.\n")
        assert await home.has(b"walrus", THEM.encode()) == []


@pytest.mark.parametrize("person", ["5550100001", "+1555", "somebody"])
async def test_a_person_who_cannot_be_meant(tmp_path: Path, person: str) -> None:
    """A number without its country code matches no one: it is refused before anything is looked at."""
    status, _, err = await run_to_end("purge", "--person", person, variables=environment(tmp_path))
    assert (status, "country code" in err, await asyncio.to_thread(_names, tmp_path)) == (2, True, [])


def _age(folder: Path, days: int) -> None:
    """Have all that is settled been settled so many days ago."""
    with closing(sqlite3.connect(folder / "voicememo.db")) as store, store:
        store.execute(
            "UPDATE memos SET settled_at = settled_at - ? WHERE settled_at IS NOT NULL", (days * DAY_SECONDS,)
        )


def _names(folder: Path) -> Sequence[str]:
    return [path.name for path in folder.iterdir()]
