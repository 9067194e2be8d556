"""A repeated call whose answer was lost is not done twice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from sandbox.faults import FaultKind, ScriptedFault
from storage.errors import Fenced, StoreUnavailable
from storage.history import PastTurn
from storage.ledger import Claim, Held, Parked, Settled, Step
from storage.states import State
from tests.contracts.ledgers import (
    KEY,
    LEASE,
    SECOND,
    ask_for,
    ask_to_resume,
    claimed,
    event_at,
    letter_at,
    park,
    parked,
    resumed,
    settle,
    story_of,
)
from tests.postgres.database import OWNER, connected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from storage.supabase.ledger import SupabaseLedger
    from storage.supabase.store import SupabaseStore
    from tests.postgres.postgrest import PostgRest
    from tests.postgres.server import PostgresServer

CUT = ScriptedFault(FaultKind.ACCEPTED_THEN_CUT)
STEPS = [Step("deliver", 0.5, None, "down")]


@pytest.fixture
def lose(rest: PostgRest) -> Callable[[str, Callable[[], Awaitable[object]]], Awaitable[None]]:
    """Make a call and lose its answer."""

    async def lose(function: str, call: Callable[[], Awaitable[object]]) -> None:
        rest.faults.next(function, CUT)
        with pytest.raises(StoreUnavailable):
            await call()

    return lose


async def test_claim_is_had_by_who_asked(ledger: SupabaseLedger, lose: Callable[..., Awaitable[None]]) -> None:
    """A claim whose answer was lost is repeated to its worker alone, with a lease from now."""
    await lose("claim", lambda: claimed(ledger))
    assert isinstance(await ask_for(ledger), Held)
    claim = await claimed(ledger)
    assert (claim.fence, claim.facts) == (1, {"first": "one"})
    await ledger.advance(claim, State.KEPT, {})
    assert isinstance(await ledger.claim(KEY, owner="one", lease_seconds=LEASE, facts={}), Held)


async def test_claim_that_another_has_taken_over_is_theirs(
    ledger: SupabaseLedger, lose: Callable[..., Awaitable[None]]
) -> None:
    """A lost claim that has run out since is made as if for the first time."""
    await lose("claim", lambda: ledger.claim(KEY, owner="one", lease_seconds=0.0, facts={}))
    assert isinstance(await ask_for(ledger), Claim)
    assert isinstance(await ledger.claim(KEY, owner="one", lease_seconds=LEASE, facts={}), Held)


async def test_resumed_and_revived_memos_too(ledger: SupabaseLedger, lose: Callable[..., Awaitable[None]]) -> None:
    """The same holds for resumed and revived memos: one reply more, not two."""
    await parked(ledger, seconds=0)
    await lose("resume", lambda: resumed(ledger))
    claim = await resumed(ledger)
    assert claim.fence == 2
    await settle(ledger, claim)

    async def revive() -> object:
        return await ledger.revive(KEY, owner="operator", lease_seconds=LEASE, without=["first"], again=True)

    await lose("revive", revive)
    again = await revive()
    assert isinstance(again, Claim)
    assert (again.fence, again.generation, again.facts) == (3, 2, {"reply": "hi"})


async def test_settlement_is_one(ledger: SupabaseLedger, lose: Callable[..., Awaitable[None]]) -> None:
    """A memo whose settlement's answer was lost has one story and one letter; a further settlement is refused."""
    claim = await claimed(ledger)
    letter = letter_at(1, KEY, fence=1)

    async def settle() -> None:
        await ledger.settle(claim, State.FAILED, reason="hear-down", facts={"a": 1}, steps=STEPS, letter=letter)

    await lose("settle", settle)
    await settle()
    story = await story_of(ledger)
    assert (story.state, story.reason, len(story.steps)) == (State.FAILED, "hear-down", 1)
    assert len(await ledger.dead_letters(limit=9)) == 1
    with pytest.raises(Fenced):
        await settle()


async def test_another_end_is_no_repetition(ledger: SupabaseLedger, lose: Callable[..., Awaitable[None]]) -> None:
    """Another end is refused as stale."""
    claim = await claimed(ledger)
    await lose("settle", lambda: settle(ledger, claim))
    with pytest.raises(Fenced):
        await settle(ledger, claim, State.DEAD)
    assert await ask_for(ledger) == Settled(State.ANSWERED)


async def test_memo_is_parked_once(ledger: SupabaseLedger, lose: Callable[..., Awaitable[None]]) -> None:
    """A memo whose parking's answer was lost has had one try; parking it again is refused."""
    claim = await claimed(ledger)

    async def park_it() -> None:
        await park(ledger, claim, event_at(1))

    await lose("park", park_it)
    await park_it()
    assert (await story_of(ledger)).tries == 1
    assert await ask_for(ledger) == Parked()
    with pytest.raises(Fenced):
        await park_it()


async def test_what_may_be_done_twice(
    ledger: SupabaseLedger, store: SupabaseStore, lose: Callable[..., Awaitable[None]]
) -> None:
    """Calls that may be repeated change nothing the second time."""
    claim = await claimed(ledger)
    await parked(ledger, SECOND, seconds=0)
    turns = [PastTurn("user", "hi", "en", datetime.now(UTC))]
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "advance": lambda: ledger.advance(claim, State.HEARD, {"transcript": "x"}),
        "renew": lambda: ledger.renew(claim, lease_seconds=LEASE),
        "bury": lambda: ledger.bury(letter_at(7)),
        "published": lambda: ledger.mark_published(letter_at(7)),
        "remember": lambda: store.history.append("c", "m", turns),
        "release": lambda: ledger.release(claim, steps=STEPS),
        "park_behind": lambda: ledger.park_behind(KEY, event_at(3), facts={}),
    }
    for function, call in calls.items():
        await lose(function, call)
        await call()
    story = await story_of(ledger)
    assert (story.state, story.fence, len(story.steps)) == (State.HEARD, 1, 1)
    assert len(await ledger.dead_letters(limit=9)) == 1
    assert await store.history.recent("c", limit=9) == turns
    await settle(ledger, await resumed(ledger, SECOND))
    assert isinstance(await ask_to_resume(ledger), Claim)


async def test_letters_whose_answer_was_lost_come_again(
    ledger: SupabaseLedger, lose: Callable[..., Awaitable[None]], postgres: PostgresServer, database: str
) -> None:
    """Letters whose answer was lost are withheld as long as they were taken, and then available."""
    await ledger.bury(letter_at(1))
    async with connected(postgres, OWNER, database) as owner:
        await owner.execute("update voicememo_dead_letters set publish_after = now()")
    await lose("unpublished", lambda: ledger.unpublished(limit=9, seconds=0.0))
    assert [letter.event for letter in await ledger.unpublished(limit=9, seconds=0.0)] == [event_at(1)]
