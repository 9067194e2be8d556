"""The ledger's contract for operators: a memo is revived, never lost, and listed while it waits for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage.errors import Fenced
from storage.ledger import Behind, Held, MemoKey, Parked, Settled, Step
from storage.states import State
from tests.contracts.ledgers import (
    ELSEWHERE,
    KEY,
    LEASE,
    SECOND,
    THIRD,
    Clock,
    ask_for,
    ask_to_resume,
    behind,
    claimed,
    due_keys,
    event_at,
    letter_at,
    park,
    parked,
    resumed,
    revived,
    settle,
    story_of,
)

if TYPE_CHECKING:
    from storage.ledger import Ledger


async def test_revive_of_what_cannot_be_had(ledger: Ledger, clock: Clock) -> None:
    """Unknown is KeyError, held is Held, answered is Settled."""
    with pytest.raises(KeyError):
        await ledger.revive(KEY, owner="x", lease_seconds=LEASE, without=(), again=False)
    await parked(ledger, seconds=0)
    await resumed(ledger)
    clock.now += 5
    for again in (False, True):
        assert await ledger.revive(KEY, owner="x", lease_seconds=1, without=(), again=again) == Held("two", 25.0)
    for number, state in enumerate((State.ANSWERED, State.APOLOGISED, State.IGNORED)):
        key = MemoKey("other", str(number))
        await settle(ledger, await claimed(ledger, key), state)
        answer = await ledger.revive(key, owner="x", lease_seconds=1, without=("first",), again=False)
        assert answer == Settled(state)
        assert (await story_of(ledger, key)).facts == {"first": "one"}


@pytest.mark.parametrize("state", [State.FAILED, State.DEAD])
async def test_failed_memo_is_revived(ledger: Ledger, clock: Clock, state: State) -> None:
    """A memo that failed is received again: no try, no age, no reason, but with what was gained and its generation."""
    await parked(ledger, seconds=0)
    await settle(ledger, await resumed(ledger), state, letter=letter_at(1, KEY))
    clock.now += 500
    claim = await revived(ledger)
    assert (claim.fence, claim.state, claim.generation) == (3, State.RECEIVED, 1)
    assert (claim.tries, claim.age_seconds, claim.facts) == (0, 0.0, {"first": "one", "reply": "hi"})
    story = await story_of(ledger)
    assert (story.state, story.reason, story.settled_at, story.owner) == (State.RECEIVED, None, None, "operator")
    assert story.received_at == clock.now - 500
    await settle(ledger, claim)


@pytest.mark.parametrize("state", [State.ANSWERED, State.FAILED])
async def test_again_is_another_reply(ledger: Ledger, state: State) -> None:
    """Asked for again, a memo is to have one reply more, whether it had one or not."""
    await settle(ledger, await claimed(ledger), state)
    claim = await revived(ledger, again=True, without=("first",))
    assert (claim.state, claim.generation, claim.facts) == (State.RECEIVED, 2, {})
    await settle(ledger, claim)
    assert (await story_of(ledger)).generation == 2


async def test_unsettled_memo_is_revived_where_it_stands(ledger: Ledger, clock: Clock) -> None:
    """A free memo goes on from where it was, unless facts are dropped."""
    claim = await claimed(ledger)
    await ledger.advance(claim, State.HEARD, {"transcript": "x"})
    await ledger.release(claim, steps=[])
    assert (await revived(ledger)).state is State.HEARD
    clock.now += LEASE
    anew = await revived(ledger, without=("transcript", "never-known"))
    assert (anew.state, anew.facts, anew.generation) == (State.RECEIVED, {"first": "one"}, 1)


async def test_revived_memo_keeps_its_place(ledger: Ledger, clock: Clock) -> None:
    """A parked memo that is revived is Parked for others, its chat stays behind it, and it is due as the lease ends."""
    event = await parked(ledger, seconds=100)
    await behind(ledger, SECOND, 2)
    await revived(ledger)
    assert (await story_of(ledger)).due_at == clock.now
    assert (await ask_for(ledger), await ask_for(ledger, THIRD)) == (Parked(), Behind(KEY))
    assert await due_keys(ledger) == []
    clock.now += LEASE
    assert await due_keys(ledger) == [KEY]
    await resumed(ledger)
    assert await ledger.event(KEY) == event


async def test_operators_memo_that_was_let_go_is_taken_up(ledger: Ledger, clock: Clock) -> None:
    """A memo that failed is parked as it is revived, with its letter's event, and due at once when it is released."""
    await settle(ledger, await claimed(ledger), State.FAILED, letter=letter_at(1, KEY))
    operators = await revived(ledger)
    assert await due_keys(ledger) == []
    await ledger.release(operators, steps=[])
    assert list(await ledger.due("t", [0], limit=9)) == [(KEY, event_at(1).place)]
    claim = await resumed(ledger)
    assert await ledger.event(KEY) == event_at(1)
    with pytest.raises(Fenced):
        await settle(ledger, operators)
    await settle(ledger, claim)
    clock.now += LEASE
    assert (await due_keys(ledger), (await story_of(ledger)).due_at) == ([], None)


async def test_revived_memo_stands_last_in_its_chat(ledger: Ledger, clock: Clock) -> None:
    """A memo that had no place in its chat gets the last; its operator need not wait for that, workers do."""
    await settle(ledger, await claimed(ledger), State.DEAD, letter=letter_at(1, KEY))
    await parked(ledger, SECOND, seconds=0, offset=2)
    await revived(ledger)
    assert await ask_for(ledger, THIRD) == Behind(SECOND)
    clock.now += LEASE
    assert await due_keys(ledger) == [SECOND]
    assert await ask_to_resume(ledger) == Behind(SECOND)
    await settle(ledger, await resumed(ledger, SECOND))
    assert await due_keys(ledger) == [KEY]


async def test_memo_parked_aside_is_revived_with_its_chat(ledger: Ledger) -> None:
    """A memo that did not hold its chat does once it is revived."""
    await park(ledger, await claimed(ledger), event_at(1), seconds=0, holds_chat=False)
    await revived(ledger)
    assert await ask_for(ledger, SECOND) == Behind(KEY)


async def test_memo_revived_without_its_event(ledger: Ledger, clock: Clock) -> None:
    """Only an operator can take it up again; it is listed while it has no holder."""
    await settle(ledger, await claimed(ledger))
    clock.now += 1
    for again in (True, False):
        claim = await revived(ledger, again=again)
        assert ((await story_of(ledger)).due_at, await ledger.waiting(limit=9)) == (None, [])
        await ledger.release(claim, steps=[])
        assert [story.key for story in await ledger.waiting(limit=9)] == [KEY]
        assert await due_keys(ledger) == []
    await revived(ledger)
    clock.now += LEASE
    assert [story.state for story in await ledger.waiting(limit=9)] == [State.RECEIVED]
    await settle(ledger, await revived(ledger))
    assert await ledger.waiting(limit=9) == []


async def test_waiting_tells_of_failed_and_parked_memos(ledger: Ledger, clock: Clock) -> None:
    """What has failed or is parked is listed, the newest first, without steps; what was answered is not."""
    for number, state in enumerate((State.FAILED, State.ANSWERED, State.DEAD, State.IGNORED)):
        claim = await claimed(ledger, MemoKey("c", str(number)))
        await ledger.settle(claim, state, reason="why", facts={}, steps=[Step("hear", 1.0)])
        clock.now += 1
    await parked(ledger, seconds=0)
    await claimed(ledger, ELSEWHERE)
    told = await ledger.waiting(limit=9)
    assert [story.key for story in told] == [KEY, MemoKey("c", "2"), MemoKey("c", "0")]
    assert [(story.reason, story.steps) for story in told] == [("deliver-down", ()), ("why", ()), ("why", ())]
    assert [story.key for story in await ledger.waiting(limit=1)] == [KEY]
    await resumed(ledger)
    assert KEY in [story.key for story in await ledger.waiting(limit=9)]
    assert (await ledger.waiting(limit=1))[0].owner == "two"
