"""Claims, leases and fencing of every ledger."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from storage.errors import Fenced
from storage.ledger import Claim, Held, MemoKey, Settled, Step
from storage.sqlite.store import SqliteStore
from storage.states import State
from tests.contracts.ledgers import KEY, LEASE, SECOND, Clock, claimed, story_of

if TYPE_CHECKING:
    from storage.ledger import JsonValue, Ledger


async def test_new_memo_is_claimed(ledger: Ledger) -> None:
    """A new memo is received, with its facts and fencing number 1."""
    claim = await claimed(ledger)
    assert (claim.fence, claim.state, claim.facts) == (1, State.RECEIVED, {"first": "one"})


@pytest.mark.parametrize("owner", ["one", "two"])
async def test_held_memo_is_exclusive(ledger: Ledger, clock: Clock, owner: str) -> None:
    """While the lease runs no claim succeeds, not even its holder's; the refusal tells how long it runs."""
    await claimed(ledger)
    clock.now += 10
    assert await ledger.claim(KEY, owner=owner, lease_seconds=LEASE, facts={}) == Held("one", 20.0)


async def test_take_over_fences_the_old_holder(ledger: Ledger, clock: Clock) -> None:
    """After the lease another takes over with the facts so far; the old holder is refused everything."""
    old = await claimed(ledger)
    await ledger.advance(old, State.HEARD, {"transcript": "hello"})
    clock.now += LEASE
    new = await claimed(ledger, owner="two")
    assert (new.fence, new.state, new.facts["transcript"]) == (2, State.HEARD, "hello")
    for stale in (
        ledger.renew(old, lease_seconds=LEASE),
        ledger.advance(old, State.SENDING, {}),
        ledger.settle(old, State.ANSWERED, reason=None, facts={}, steps=[]),
    ):
        with pytest.raises(Fenced):
            await stale
    await ledger.release(old, steps=[])
    assert isinstance(await ledger.claim(KEY, owner="three", lease_seconds=LEASE, facts={}), Held)


async def test_expired_lease_is_lost_though_nobody_took_it(ledger: Ledger, clock: Clock) -> None:
    """A holder whose lease has run out is refused."""
    claim = await claimed(ledger)
    clock.now += LEASE
    with pytest.raises(Fenced):
        await ledger.advance(claim, State.SENDING, {})


async def test_renewed_lease_runs_again(ledger: Ledger, clock: Clock) -> None:
    """A renewal counts from now."""
    claim = await claimed(ledger)
    clock.now += 20
    await ledger.renew(claim, lease_seconds=LEASE)
    clock.now += 20
    await ledger.advance(claim, State.KEPT, {})


async def test_settled_memo_stays_settled(ledger: Ledger, clock: Clock) -> None:
    """A settled memo stays settled, and keeps its story."""
    claim = await claimed(ledger)
    steps = [Step("hear", 1.5, "huggingface"), Step("speak", 0.5, "elevenlabs", "rate-limited")]
    await ledger.settle(claim, State.ANSWERED, reason=None, facts={"sent_id": "9"}, steps=steps)
    clock.now += 1000
    assert await ledger.claim(KEY, owner="two", lease_seconds=LEASE, facts={}) == Settled(State.ANSWERED)
    with pytest.raises(Fenced):
        await ledger.settle(claim, State.DEAD, reason="x", facts={}, steps=[])
    story = await story_of(ledger)
    assert (story.state, story.facts, tuple(story.steps)) == (
        State.ANSWERED,
        {"first": "one", "sent_id": "9"},
        tuple(replace(step, fence=1) for step in steps),
    )


async def test_released_memo_is_free_at_once(ledger: Ledger) -> None:
    """A released memo can be claimed at once, and keeps its steps."""
    claim = await claimed(ledger)
    await ledger.release(claim, steps=[Step("fetch", 0.1)])
    again = await claimed(ledger, owner="two")
    assert again.fence == claim.fence + 1
    await ledger.release(again, steps=[Step("hear", 0.2)])
    story = await story_of(ledger)
    assert list(story.steps) == [Step("fetch", 0.1, fence=1), Step("hear", 0.2, fence=2)]


async def test_a_memo_does_not_go_back(ledger: Ledger) -> None:
    """Going back, or settling with an unsettled state, is a caller's bug."""
    claim = await claimed(ledger)
    await ledger.advance(claim, State.SPOKEN, {})
    with pytest.raises(ValueError, match="does not go back"):
        await ledger.advance(claim, State.HEARD, {})
    with pytest.raises(ValueError, match="settles nothing"):
        await ledger.settle(claim, State.SPOKEN, reason=None, facts={}, steps=[])


async def test_same_message_id_in_two_chats(ledger: Ledger) -> None:
    """A memo is identified by chat and message id together."""
    for chat in ("a", "b"):
        key = MemoKey(chat, "1")
        assert isinstance(await ledger.claim(key, owner="x", lease_seconds=LEASE, facts={}), Claim)
    assert [story.key.chat_id for story in await ledger.find("1")] == ["a", "b"]


async def test_claim_tells_how_old_a_memo_is(ledger: Ledger, clock: Clock) -> None:
    """Age is counted from reception, by the store's clock."""
    claim = await claimed(ledger)
    assert (claim.age_seconds, claim.generation, claim.tries) == (0.0, 1, 0)
    clock.now += 40.5
    assert (await claimed(ledger)).age_seconds == 40.5


async def test_story_tells_who_holds_a_memo_now(ledger: Ledger, clock: Clock) -> None:
    """Owner and end of a lease are shown only while it runs."""
    claim = await claimed(ledger)
    story = await story_of(ledger)
    assert (story.owner, story.lease_until, story.received_at) == ("one", clock.now + LEASE, clock.now)
    clock.now += LEASE
    story = await story_of(ledger)
    assert (story.owner, story.lease_until) == (None, None)
    claim = await claimed(ledger)
    await ledger.settle(claim, State.FAILED, reason="hear-down", facts={}, steps=[])
    story = await story_of(ledger)
    assert (story.owner, story.lease_until, story.reason, story.settled_at) == (None, None, "hear-down", clock.now)
    assert (story.due_at, story.tries, story.generation, story.fence) == (None, 0, 1, 2)


async def test_facts_of_a_known_memo_stay(ledger: Ledger) -> None:
    """Facts of a second event change nothing."""
    await ledger.release(await claimed(ledger), steps=[])
    assert (await claimed(ledger, owner="two")).facts == {"first": "one"}


async def test_facts_given_are_the_callers_own(ledger: Ledger) -> None:
    """Later changes to a caller's facts are not stored."""
    facts: dict[str, JsonValue] = {"a": 1}
    claim = await ledger.claim(KEY, owner="one", lease_seconds=LEASE, facts=facts)
    assert isinstance(claim, Claim)
    facts["a"] = 2
    await ledger.advance(claim, State.KEPT, facts)
    facts["a"] = 3
    assert (await story_of(ledger)).facts == {"a": 2}


@pytest.mark.parametrize("key", [KEY, SECOND])
async def test_claim_of_a_memo_that_is_not_there(ledger: Ledger, key: MemoKey) -> None:
    """A claim that the ledger never granted is stale."""
    await claimed(ledger)
    strange = Claim(key, 7, State.RECEIVED, {})
    with pytest.raises(Fenced):
        await ledger.advance(strange, State.KEPT, {})
    await ledger.release(strange, steps=[Step("fetch", 0.1)])
    assert not (await story_of(ledger)).steps


class LedgerMachine(RuleBasedStateMachine):
    """Any order of claims, renewals, advances, settlements and waits, compared with a simple model."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.runner = asyncio.Runner()
        self.store = SqliteStore(":memory:", clock=self.clock)
        self.claims: list[Claim] = []
        self.fence = 0
        self.lease_until = 0.0
        self.state = State.RECEIVED

    def _run(self, work: Any) -> Any:  # noqa: ANN401 (whatever a ledger gives)
        return self.runner.run(work)

    @initialize()
    def open(self) -> None:
        """Begin with an empty store."""
        self._run(self.store.open())

    def teardown(self) -> None:
        """Close it."""
        self._run(self.store.close())
        self.runner.close()

    def _holds(self, claim: Claim) -> bool:
        return claim.fence == self.fence and self.lease_until > self.clock.now and not self.state.settled

    @rule()
    def claim(self) -> None:
        """A claim succeeds exactly when the memo is free and not settled."""
        answer = self._run(self.store.ledger.claim(KEY, owner="x", lease_seconds=LEASE, facts={}))
        if self.state.settled:
            assert answer == Settled(self.state)
        elif self.lease_until > self.clock.now:
            assert isinstance(answer, Held)
        else:
            assert isinstance(answer, Claim)
            assert (answer.fence, answer.state) == (self.fence + 1, self.state)
            self.fence, self.lease_until = answer.fence, self.clock.now + LEASE
            self.claims.append(answer)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        """A renewal succeeds for the holder alone."""
        claim = data.draw(st.sampled_from(self.claims))
        if self._tried(claim, self.store.ledger.renew(claim, lease_seconds=LEASE)):
            self.lease_until = self.clock.now + LEASE

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), state=st.sampled_from([State.KEPT, State.HEARD, State.SPOKEN, State.SENDING]))
    def advance(self, data: st.DataObject, state: State) -> None:
        """An advance succeeds for the holder alone, and never goes back."""
        claim = data.draw(st.sampled_from(self.claims))
        order = list(State)
        if self._holds(claim) and order.index(state) < order.index(self.state):
            with pytest.raises(ValueError, match="go back"):
                self._run(self.store.ledger.advance(claim, state, {}))
        elif self._tried(claim, self.store.ledger.advance(claim, state, {})):
            self.state = state

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), state=st.sampled_from([state for state in State if state.settled]))
    def settle(self, data: st.DataObject, state: State) -> None:
        """A settlement succeeds for the holder alone, once."""
        claim = data.draw(st.sampled_from(self.claims))
        if self._tried(claim, self.store.ledger.settle(claim, state, reason=None, facts={}, steps=[])):
            self.state = state

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        """A release by the holder frees the memo; by anybody else it does nothing."""
        claim = data.draw(st.sampled_from(self.claims))
        if self._holds(claim):
            self.lease_until = 0.0
        self._run(self.store.ledger.release(claim, steps=[]))

    @rule(seconds=st.sampled_from([1.0, 10.0, LEASE - 0.5, LEASE, 100.0]))
    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.clock.now += seconds

    @invariant()
    def state_agrees(self) -> None:
        """The store's state is the model's."""
        stories = self._run(self.store.ledger.find(KEY.message_id)) if self.claims else []
        assert [story.state for story in stories] == ([self.state] if self.claims else [])

    def _tried(self, claim: Claim, work: Any) -> bool:  # noqa: ANN401 (whatever a ledger gives)
        if self._holds(claim):
            self._run(work)
            return True
        with pytest.raises(Fenced):
            self._run(work)
        return False


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
