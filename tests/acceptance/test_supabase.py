"""A worker whose history and ledger are in PostgreSQL, behind PostgREST: it answers, and waits while they are away."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from console.fixture import wrap
from console.follow import follow
from consumer.notices import MemoFenced, PartitionsChanged
from sandbox.faults import FaultKind, ScriptedFault
from tests.acceptance.conftest import PATIENCE_SECONDS, Rig, rig
from tests.harness.paths import MEMOS
from tests.postgres.database import empty
from tests.postgres.postgrest import SERVICE_KEY, PostgRest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from console.follow import EventOutcome
    from consumer.kafka.ports import Partition
    from tests.postgres.server import PostgresServer

MEMO = MEMOS / "en-call-me.caf"
CALLS_WHILE_AWAY = 6
DOWN, CUT = ScriptedFault(FaultKind.STATUS, 503), ScriptedFault(FaultKind.ACCEPTED_THEN_CUT)
NUMBERS = itertools.count(1)

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Memo:
    """A memo of a chat of its own."""

    def __init__(self, made: Rig) -> None:
        self._made = made
        self.chat = f"chat-{next(NUMBERS)}"
        self._value = b""
        self._where: tuple[Partition, int] | None = None

    async def put(self) -> None:
        """Put it on the topic."""
        self._value = await asyncio.to_thread(wrap, MEMO, chat_id=self.chat, message_id="1", person="+15550100001")
        self._where = await self._made.put(MEMO, self._value)

    async def answered_once(self) -> EventOutcome:
        """Wait for its end, which is one voice memo, and for its offset to be committed."""
        assert self._where is not None
        ledger = self._made.store.ledger
        end = await follow(ledger, self._value, *self._where, our_numbers=(), patience_seconds=PATIENCE_SECONDS)
        assert end.outcome == "answered"
        await self._made.all_committed()
        assert self.sent == 1
        return end

    @property
    def sent(self) -> int:
        """How many replies there are in its chat."""
        return sum(each.chat_id == self.chat for each in self._made.sandbox.sent)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_there(postgres: PostgresServer, database: str) -> AsyncIterator[tuple[Rig, PostgRest]]:
    """One worker for all tests here, and where its store is."""
    await empty(postgres, database)
    with tempfile.TemporaryDirectory() as folder:
        async with PostgRest(postgres, database) as rest:
            project = {"STORE_URL": "supabase", "SUPABASE_URL": rest.url, "SUPABASE_KEY": SERVICE_KEY}
            async with rig(Path(folder), **project) as made:
                yield made, rest


@pytest_asyncio.fixture(loop_scope="module")
async def made(running_there: tuple[Rig, PostgRest]) -> AsyncIterator[Rig]:
    """The worker; its store is healthy again afterwards."""
    made, rest = running_there
    yield made
    rest.faults.clear()


@pytest.fixture
def rest(running_there: tuple[Rig, PostgRest]) -> PostgRest:
    """Where its store is."""
    return running_there[1]


async def _called(rest: PostgRest, times: int) -> None:
    """Wait until the worker has called so many times more."""
    until = rest.called + times
    async with asyncio.timeout(PATIENCE_SECONDS):
        while rest.called < until:  # noqa: ASYNC110 (there is no event to await)
            await asyncio.sleep(0.05)


async def test_memo_is_answered(made: Rig) -> None:
    """A memo is answered by voice, once; its story and both turns are in the database, and its offset is committed."""
    memo = Memo(made)
    await memo.put()
    end = await memo.answered_once()
    assert end.story is not None
    assert {"hear", "answer", "speak", "deliver"} <= {step.stage for step in end.story.steps}
    assert [turn.role for turn in await made.store.history.recent(memo.chat, limit=9)] == ["user", "assistant"]


@pytest.mark.parametrize("fault", [DOWN, CUT], ids=["down", "cut"])
async def test_worker_waits_for_its_ledger(made: Rig, rest: PostgRest, fault: ScriptedFault) -> None:
    """While the ledger is away nothing is sent, and the worker stays in its group; afterwards the memo is answered."""
    rest.suffer(fault)
    before = [notice for notice in made.notices if isinstance(notice, PartitionsChanged)]
    memo = Memo(made)
    await memo.put()
    await _called(rest, CALLS_WHILE_AWAY)
    assert (memo.sent, made.worker.done()) == (0, False)
    rest.faults.clear()
    await memo.answered_once()
    assert [notice for notice in made.notices if isinstance(notice, PartitionsChanged)] == before


async def test_memo_is_answered_without_history(made: Rig, rest: PostgRest) -> None:
    """Where the past cannot be read, nor the present be written down, the memo is answered, and its story says so."""
    for function in ("recent", "remember"):
        rest.faults.always(function, DOWN)
    memo = Memo(made)
    await memo.put()
    end = await memo.answered_once()
    assert end.story is not None
    failed = [(step.stage, step.error) for step in end.story.steps if step.error]
    assert failed == [("recall", "StoreUnavailable"), ("remember", "StoreUnavailable")]


async def test_lost_answers_cost_nothing(made: Rig, rest: PostgRest) -> None:
    """When the answers to a claim and to a settlement are lost, both are made again, and the memo is never fenced."""
    fenced = sum(isinstance(notice, MemoFenced) for notice in made.notices)
    for function in ("claim", "advance", "settle"):
        rest.faults.next(function, CUT)
    memo = Memo(made)
    await memo.put()
    end = await memo.answered_once()
    assert end.story is not None
    assert end.story.fence == 1
    assert sum(isinstance(notice, MemoFenced) for notice in made.notices) == fenced
