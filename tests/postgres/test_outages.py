"""An unavailable store raises StoreUnavailable, whatever the reason, and without contents (I6)."""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from sandbox.faults import SCRIPTED, FaultKind, ScriptedFault
from storage.errors import StoreError, StoreNotReady, StoreUnavailable
from storage.history import PastTurn
from storage.ledger import Claim, MemoKey
from storage.states import State
from storage.supabase.client import SupabaseClient
from storage.supabase.store import SupabaseStore
from tests.contracts.ledgers import KEY, LEASE, claimed, event_at, parked, settle, story_of
from tests.postgres.database import OWNER, connected, make_database
from tests.postgres.postgrest import ANON_KEY, SERVICE_KEY, PostgRest
from tests.postgres.test_many_workers import NOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from storage.supabase.ledger import SupabaseLedger
    from tests.postgres.server import PostgresServer

SAID = "what-somebody-said"
FAULTS = [
    ScriptedFault(FaultKind.STATUS, 500),
    ScriptedFault(FaultKind.STATUS, 502),
    ScriptedFault(FaultKind.STATUS, 503),
    ScriptedFault(FaultKind.STATUS, 429),
    ScriptedFault(FaultKind.CUT),
    ScriptedFault(FaultKind.RESET),
    ScriptedFault(FaultKind.CUT_MIDWAY),
    ScriptedFault(FaultKind.ACCEPTED_THEN_CUT),
    ScriptedFault(FaultKind.REDIRECT, location="http://127.0.0.1:9/elsewhere"),
    ScriptedFault(FaultKind.HTML),
    ScriptedFault(FaultKind.GARBAGE),
    ScriptedFault(FaultKind.EMPTY),
    ScriptedFault(FaultKind.BROKEN_JSON),
    ScriptedFault(FaultKind.OTHER_JSON),
]


async def _speak(store: SupabaseStore) -> None:
    await store.history.append("c", "m", [PastTurn("user", SAID, "en", NOW)])


def _everything(error: BaseException) -> str:
    """Return all that a log could show of an error."""
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind}-{fault.status}")
async def test_trouble_is_an_outage(store: SupabaseStore, rest: PostgRest, fault: ScriptedFault) -> None:
    """Any trouble with an answer is StoreUnavailable; afterwards the same call succeeds."""
    rest.faults.next("remember", fault)
    with pytest.raises(StoreUnavailable) as caught:
        await _speak(store)
    told = _everything(caught.value)
    assert SAID not in told
    assert SCRIPTED not in told
    assert SERVICE_KEY not in told
    await _speak(store)
    assert [turn.text for turn in await store.history.recent("c", limit=9)] == [SAID]


@pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.HANG_AFTER_HEADERS, FaultKind.HANG_MIDWAY, FaultKind.DRIP])
async def test_slow_answer_is_an_outage(rest: PostgRest, kind: FaultKind) -> None:
    """A call ends at its timeout, though single bytes arrive."""
    store = SupabaseStore(rest.url, SERVICE_KEY, call_seconds=0.3)
    await store.open()
    rest.faults.next("find", ScriptedFault(kind))
    with pytest.raises(StoreUnavailable, match="in time"):
        await store.ledger.find("1")
    await store.close()


async def test_unreachable() -> None:
    """A store can be opened while its server is away, and is used when it is back."""
    store = SupabaseStore("http://127.0.0.1:9", SERVICE_KEY)
    await store.open()
    with pytest.raises(StoreUnavailable, match="ConnectError"):
        await store.check()
    await store.close()


async def test_calls_are_made_once(store: SupabaseStore, rest: PostgRest) -> None:
    """No call is retried: that is decided in one place."""
    rest.faults.always("recent", ScriptedFault(FaultKind.STATUS, 503))
    before = rest.called
    with pytest.raises(StoreUnavailable):
        await store.history.recent("c", limit=1)
    assert rest.called == before + 1


async def test_cancelled_call_leaves_the_store_usable(store: SupabaseStore, rest: PostgRest) -> None:
    """After a cancelled call the next one is answered."""
    rest.faults.next("recent", ScriptedFault(FaultKind.HANG))
    call = asyncio.ensure_future(store.history.recent("c", limit=1))
    while rest.faults.requests["recent"] == 0:  # noqa: ASYNC110 (there is no event to await)
        await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await store.history.recent("c", limit=1) == []


@pytest.mark.parametrize("key", ["no-key-at-all", ANON_KEY])
async def test_wrong_key_is_reported_at_once(rest: PostgRest, key: str) -> None:
    """A wrong or public key is for an operator, and is not repeated."""
    store = SupabaseStore(rest.url, key)
    with pytest.raises(StoreNotReady, match="SUPABASE_KEY") as caught:
        await store.open()
    assert key not in _everything(caught.value)


async def test_key_is_never_shown(store: SupabaseStore) -> None:
    """The store's repr does not show its key."""
    assert SERVICE_KEY not in repr(store) + repr(store.ledger) + repr(store.history) + repr(vars(store))


@pytest_asyncio.fixture
async def impatient(postgres: PostgresServer) -> AsyncIterator[tuple[SupabaseStore, str]]:
    """A store whose functions wait for no lock, and its database."""
    name = "impatient"
    await make_database(postgres, name)
    async with connected(postgres, OWNER, name) as owner:
        for function in await owner.fetch(
            "select oid::regprocedure::text as name from pg_proc where 'lock_timeout=5s' = any(proconfig)"
        ):
            await owner.execute(f"alter function {function['name']} set lock_timeout = '20ms'")
    async with PostgRest(postgres, name) as rest:
        store = SupabaseStore(rest.url, SERVICE_KEY)
        await store.open()
        yield store, name
        await store.close()


async def test_lock_that_is_not_let_go_of(impatient: tuple[SupabaseStore, str], postgres: PostgresServer) -> None:
    """Waiting for a locked row is bounded, and then an outage, not a bug."""
    store, name = impatient
    claim = await claimed(store.ledger)
    async with connected(postgres, OWNER, name) as owner, owner.transaction():
        await owner.execute("select from voicememo_memos for update")
        for call in (
            store.ledger.renew(claim, lease_seconds=LEASE),
            store.ledger.claim(KEY, owner="x", lease_seconds=LEASE, facts={}),
            settle(store.ledger, claim),
        ):
            with pytest.raises(StoreUnavailable, match="55P03"):
                await call
    await settle(store.ledger, claim)


async def test_call_that_nobody_understands_is_a_bug(rest: PostgRest) -> None:
    """What the database cannot parse is a bug."""
    client = SupabaseClient(rest.url, SERVICE_KEY)
    await client.open()
    with pytest.raises(StoreError) as caught:
        await client.call("voicememo_remember", {"p_chat_id": "c", "p_message_id": "m", "p_turns": {SAID: 1}})
    assert type(caught.value) is StoreError
    assert SAID not in _everything(caught.value)
    await client.close()


async def test_any_words_can_be_kept(store: SupabaseStore) -> None:
    """Characters that PostgreSQL cannot hold are replaced, in keys and facts too."""
    odd = "a\0b\ud83d c\ude00 😀 é"
    kept = "a\ufffdb\ufffd c\ufffd 😀 é"
    key = MemoKey(odd, odd)
    claim = await store.ledger.claim(key, owner="o", lease_seconds=LEASE, facts={odd: [odd, {"x": odd}, 1.5, None]})
    assert isinstance(claim, Claim)
    assert claim.facts == {kept: [kept, {"x": kept}, 1.5, None]}
    await store.ledger.advance(claim, State.HEARD, {"transcript": odd})
    assert (await story_of(store.ledger, MemoKey(kept, kept))).facts["transcript"] == kept
    await store.history.append(odd, odd, [PastTurn("user", odd, "en", NOW)])
    assert [turn.text for turn in await store.history.recent(odd, limit=1)] == [kept]
    await settle(store.ledger, claim)


async def test_recording_in_an_event_comes_back_whole(ledger: SupabaseLedger) -> None:
    """An event of some megabytes comes back byte for byte."""
    await parked(ledger, seconds=0)
    claim = await ledger.resume(KEY, owner="x", lease_seconds=LEASE)
    assert isinstance(claim, Claim)
    large = replace(event_at(1), value=bytes(range(256)) * 20_000)
    await ledger.park(claim, large, seconds=0, reason="r", facts={}, steps=[])
    assert await ledger.event(KEY) == large
