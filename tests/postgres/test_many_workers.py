"""Many workers on one database: each memo has one at a time, by the database's clock."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from storage.errors import Fenced
from storage.history import PastTurn
from storage.ledger import Claim, Held, MemoKey
from storage.states import State
from storage.supabase.store import SupabaseStore
from tests.contracts.ledgers import KEY, LEASE, claimed, event_at, letter_at, park, parked, settle, story_of
from tests.postgres.database import OWNER, connected
from tests.postgres.postgrest import SERVICE_KEY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from storage.supabase.ledger import SupabaseLedger
    from tests.postgres.postgrest import PostgRest
    from tests.postgres.server import PostgresServer

HOUR = 3600.0
PATIENCE_SECONDS = 10.0
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MEMOS = [MemoKey(f"chat-{number % 10}", str(number)) for number in range(50)]


@pytest_asyncio.fixture
async def two(postgres: PostgresServer, database: str) -> AsyncIterator[tuple[Any, Any]]:
    """Two connections: one to block, one to observe."""
    async with connected(postgres, OWNER, database) as other, connected(postgres, OWNER, database) as looking:
        yield other, looking


async def _claims(stores: Sequence[SupabaseStore]) -> list[Claim]:
    """Have all workers claim all memos at once; return the answers."""
    answers = await asyncio.gather(
        *(
            store.ledger.claim(key, owner=str(number), lease_seconds=LEASE, facts={})
            for key in MEMOS
            for number, store in enumerate(stores)
        )
    )
    claims = [answer for answer in answers if isinstance(answer, Claim)]
    assert all(isinstance(answer, Held) for answer in answers if answer not in claims)
    return claims


async def test_200_claims_of_50_memos(rest: PostgRest) -> None:
    """Of four concurrent workers one gets each memo, again and again."""
    async with AsyncExitStack() as closing:
        stores = [SupabaseStore(rest.url, SERVICE_KEY) for _ in range(4)]
        for store in stores:
            await store.open()
            closing.push_async_callback(store.close)
        for fence in (1, 2, 3):
            claims = await _claims(stores)
            assert sorted((claim.key.message_id, claim.fence) for claim in claims) == sorted(
                (key.message_id, fence) for key in MEMOS
            )
            await asyncio.gather(*(stores[0].ledger.release(claim, steps=[]) for claim in claims))


async def test_lease_that_has_run_out_is_taken_over(ledger: SupabaseLedger) -> None:
    """By the server's own clock too the next one gets the memo, and its old holder is refused."""
    old = await ledger.claim(KEY, owner="old", lease_seconds=0.0, facts={})
    assert isinstance(old, Claim)
    new = await ledger.claim(KEY, owner="new", lease_seconds=LEASE, facts={})
    assert isinstance(new, Claim)
    assert new.fence == old.fence + 1
    for stale in (
        ledger.renew(old, lease_seconds=LEASE),
        ledger.advance(old, State.HEARD, {"transcript": "x"}),
        ledger.advance(old, State.SENDING, {}),
        ledger.settle(old, State.FAILED, reason="x", facts={}, steps=[], letter=letter_at(1, KEY)),
        park(ledger, old, event_at(1)),
    ):
        with pytest.raises(Fenced):
            await stale
    story = await story_of(ledger)
    assert (story.state, story.owner, story.facts) == (State.RECEIVED, "new", {})
    assert await ledger.dead_letters(limit=9) == []


@pytest.mark.parametrize("off_by", [-HOUR, HOUR])
async def test_workers_clock_does_not_matter(
    ledger: SupabaseLedger, monkeypatch: pytest.MonkeyPatch, off_by: float
) -> None:
    """A worker whose clock is an hour off holds memos as long as any, and takes none from others."""
    right, steady, boot = time.time, time.monotonic, time.clock_gettime
    theirs = await ledger.claim(MemoKey("c", "theirs"), owner="right", lease_seconds=LEASE, facts={})
    await parked(ledger, MemoKey("d", "parked"), seconds=LEASE)
    monkeypatch.setattr(time, "time", lambda: right() + off_by)
    monkeypatch.setattr(time, "monotonic", lambda: steady() + off_by)
    monkeypatch.setattr(time, "clock_gettime", lambda clock: boot(clock) + off_by)
    asked = await ledger.claim(MemoKey("c", "theirs"), owner="wrong", lease_seconds=LEASE, facts={})
    ours = await ledger.claim(KEY, owner="wrong", lease_seconds=LEASE, facts={})
    assert isinstance(theirs, Claim)
    assert isinstance(asked, Held)
    assert 0 < asked.seconds_left <= LEASE
    assert isinstance(ours, Claim)
    assert 0 <= ours.age_seconds < LEASE
    assert await ledger.due("t", [0], limit=9) == []
    await ledger.advance(ours, State.SENDING, {})
    await ledger.advance(theirs, State.SENDING, {})


async def test_time_spent_waiting_counts(ledger: SupabaseLedger, two: tuple[Any, Any]) -> None:
    """A lease runs from its grant, not from the request, which may wait for locks."""
    other, looking = two
    async with other.transaction():
        await other.execute("select voicememo_locked($1, $2)", KEY.chat_id, KEY.message_id)
        claiming = asyncio.ensure_future(ledger.claim(KEY, owner="x", lease_seconds=LEASE, facts={}))
        assert await _waits(looking, claiming)
        granted_after = await looking.fetchval("select extract(epoch from clock_timestamp())::float8")
    assert isinstance(await claiming, Claim)
    until = (await story_of(ledger)).lease_until
    assert until is not None
    assert until >= granted_after + LEASE


async def test_take_over_that_is_under_way(ledger: SupabaseLedger, two: tuple[Any, Any]) -> None:
    """A write during a takeover waits for it, and is then refused."""
    other, looking = two
    claim = await claimed(ledger)
    async with other.transaction():
        await other.execute("update voicememo_memos set fence = fence + 1")
        sending = asyncio.ensure_future(ledger.advance(claim, State.SENDING, {}))
        assert await _waits(looking, sending)
    with pytest.raises(Fenced):
        await sending


async def test_parked_memo_is_taken_up_once(ledger: SupabaseLedger) -> None:
    """Of concurrent resumptions of a parked memo one succeeds."""
    await parked(ledger, seconds=0)
    answers = await asyncio.gather(*(ledger.resume(KEY, owner=str(one), lease_seconds=LEASE) for one in range(20)))
    assert sum(isinstance(answer, Claim) for answer in answers) == 1
    assert sum(isinstance(answer, Held) for answer in answers) == 19


async def test_nobody_is_left_behind(ledger: SupabaseLedger) -> None:
    """Memos parked behind another while it is settled are resumed one by one, or must try again."""
    await parked(ledger, seconds=0)
    first = await ledger.resume(KEY, owner="x", lease_seconds=LEASE)
    assert isinstance(first, Claim)
    followers = [MemoKey(KEY.chat_id, f"after-{number}") for number in range(20)]
    behind = [ledger.park_behind(key, event_at(number), facts={}) for number, key in enumerate(followers)]
    answers = await asyncio.gather(*behind[:10], settle(ledger, first), *behind[10:])
    stayed = {key for key, answer in zip(followers, answers[:10] + answers[11:], strict=True) if answer}
    taken_up = set()
    while due := await ledger.due("t", [0], limit=9):
        ((key, _),) = due
        claim = await ledger.resume(key, owner="x", lease_seconds=LEASE)
        assert isinstance(claim, Claim)
        await settle(ledger, claim)
        taken_up.add(key)
    assert taken_up == stayed


async def test_letters_are_taken_by_one_each(ledger: SupabaseLedger, postgres: PostgresServer, database: str) -> None:
    """Of concurrent readers one gets each letter."""
    await asyncio.gather(*(ledger.bury(letter_at(offset)) for offset in range(40)))
    async with connected(postgres, OWNER, database) as owner:
        await owner.execute("update voicememo_dead_letters set publish_after = now() - interval '1 second'")
    taken = await asyncio.gather(*(ledger.unpublished(limit=7, seconds=60) for _ in range(8)))
    offsets = [letter.event.place.offset for letters in taken for letter in letters]
    assert sorted(offsets) == list(range(40))


async def test_turns_of_two_memos_do_not_mix(store: SupabaseStore, two: tuple[Any, Any]) -> None:
    """Question and answer stand together, though two memos of a chat are remembered at once."""
    other, looking = two

    def turns(memo: str) -> list[PastTurn]:
        return [PastTurn("user", memo, "en", NOW), PastTurn("assistant", memo, "en", NOW)]

    await store.history.append("c", "1", turns("1"))
    async with other.transaction():
        one = '[{"role": "user", "text": "2", "language": "en", "at": "2026-11-21T12:00:00Z"}]'
        await other.execute("select voicememo_remember('c', '2', $1)", one)
        remembering = asyncio.ensure_future(store.history.append("c", "3", turns("3")))
        assert await _waits(looking, remembering)
        await other.execute("select voicememo_remember('c', '2', $1)", one.replace("user", "assistant"))
    await remembering
    assert [turn.text for turn in await store.history.recent("c", limit=9)] == ["1", "1", "2", "2", "3", "3"]


async def _waits(looking: Any, call: asyncio.Future[Any]) -> bool:  # noqa: ANN401 (asyncpg ships no types)
    """Return whether a call comes to wait for a lock."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not call.done():
            if await looking.fetchval("select count(*) from pg_locks where not granted"):
                return True
    return False
