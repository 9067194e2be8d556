"""What a ledger promises: one holder at a time, a story that only goes forward, and no word from a stale holder."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from storage.errors import Fenced, StoreUnavailable
from storage.ledger import Claim, DeadLetter, Held, MemoKey, Settled, State, Step
from storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KEY = MemoKey("51", "810001")
LEASE = 30.0


class Clock:
    """The store's own clock, in the test's hand."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest_asyncio.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[SqliteStore]:
    """A store in a file."""
    made = SqliteStore(tmp_path / "ledger.db", clock=clock)
    await made.open()
    yield made
    await made.close()


async def _claimed(store: SqliteStore, owner: str = "one") -> Claim:
    claim = await store.ledger.claim(KEY, owner=owner, lease_seconds=LEASE, facts={"first": owner})
    assert isinstance(claim, Claim)
    return claim


async def test_new_memo_is_claimed(store: SqliteStore) -> None:
    """A new memo is received, with the facts of its first claim, under fencing number 1."""
    claim = await _claimed(store)
    assert (claim.fence, claim.state, claim.facts) == (1, State.RECEIVED, {"first": "one"})


@pytest.mark.parametrize("owner", ["one", "two"])
async def test_held_memo_is_nobody_elses(store: SqliteStore, clock: Clock, owner: str) -> None:
    """While the lease runs nobody gets the memo, its own holder neither, and all learn how long it runs."""
    await _claimed(store)
    clock.now += 10
    assert await store.ledger.claim(KEY, owner=owner, lease_seconds=LEASE, facts={}) == Held("one", 20.0)


async def test_take_over_fences_the_old_holder(store: SqliteStore, clock: Clock) -> None:
    """When the lease has run out another takes over, with what was gained; the old holder is refused everything."""
    old = await _claimed(store)
    await store.ledger.advance(old, State.HEARD, {"transcript": "hello"})
    clock.now += LEASE
    new = await _claimed(store, "two")
    assert (new.fence, new.state, new.facts["transcript"]) == (2, State.HEARD, "hello")
    for stale in (
        store.ledger.renew(old, lease_seconds=LEASE),
        store.ledger.advance(old, State.SENDING, {}),
        store.ledger.settle(old, State.ANSWERED, reason=None, facts={}, steps=[]),
    ):
        with pytest.raises(Fenced):
            await stale
    await store.ledger.release(old, steps=[])
    assert isinstance(await store.ledger.claim(KEY, owner="three", lease_seconds=LEASE, facts={}), Held)


async def test_expired_lease_is_lost_though_nobody_took_it(store: SqliteStore, clock: Clock) -> None:
    """A holder whose lease has run out may not go on: somebody may be about to take over."""
    claim = await _claimed(store)
    clock.now += LEASE
    with pytest.raises(Fenced):
        await store.ledger.advance(claim, State.SENDING, {})


async def test_renewed_lease_runs_anew(store: SqliteStore, clock: Clock) -> None:
    """A renewal counts from now."""
    claim = await _claimed(store)
    clock.now += 20
    await store.ledger.renew(claim, lease_seconds=LEASE)
    clock.now += 20
    await store.ledger.advance(claim, State.KEPT, {})


async def test_settled_memo_stays_settled(store: SqliteStore, clock: Clock) -> None:
    """A settled memo is nobody's any more, for ever, and tells its story."""
    claim = await _claimed(store)
    steps = [Step("hear", 1.5, "huggingface"), Step("speak", 0.5, "elevenlabs", "rate-limited")]
    await store.ledger.settle(claim, State.ANSWERED, reason=None, facts={"sent_id": "9"}, steps=steps)
    clock.now += 1000
    assert await store.ledger.claim(KEY, owner="two", lease_seconds=LEASE, facts={}) == Settled(State.ANSWERED)
    with pytest.raises(Fenced):
        await store.ledger.settle(claim, State.DEAD, reason="x", facts={}, steps=[])
    (story,) = await store.ledger.find(KEY.message_id)
    assert (story.state, story.facts, tuple(story.steps)) == (
        State.ANSWERED,
        {"first": "one", "sent_id": "9"},
        tuple(steps),
    )


async def test_released_memo_is_free_at_once(store: SqliteStore) -> None:
    """A released memo can be claimed without waiting, and the steps of the first attempt stay in its story."""
    claim = await _claimed(store)
    await store.ledger.release(claim, steps=[Step("fetch", 0.1)])
    again = await _claimed(store, "two")
    assert again.fence == claim.fence + 1
    (story,) = await store.ledger.find(KEY.message_id)
    assert [step.stage for step in story.steps] == ["fetch"]


async def test_a_memo_does_not_go_back(store: SqliteStore) -> None:
    """Going back is a caller's bug, and is told as one; so is settling with what settles nothing."""
    claim = await _claimed(store)
    await store.ledger.advance(claim, State.SPOKEN, {})
    with pytest.raises(ValueError, match="does not go back"):
        await store.ledger.advance(claim, State.HEARD, {})
    with pytest.raises(ValueError, match="settles nothing"):
        await store.ledger.settle(claim, State.SPOKEN, reason=None, facts={}, steps=[])


async def test_dead_letters_are_accounted_for_once(store: SqliteStore) -> None:
    """A dead letter is there once, the newest first."""
    first = DeadLetter("t", 0, 1, "not-json", "parse")
    second = DeadLetter("t", 0, 2, "bug-KeyError", "hear", KEY)
    for letter in (first, second, replace(first, reason="again")):
        await store.ledger.bury(letter)
    assert list(await store.ledger.dead_letters(limit=9)) == [second, first]
    assert list(await store.ledger.dead_letters(limit=1)) == [second]


async def test_same_message_id_in_two_chats(store: SqliteStore) -> None:
    """A memo is known by its chat and its message id together."""
    for chat in ("a", "b"):
        key = MemoKey(chat, "1")
        assert isinstance(await store.ledger.claim(key, owner="x", lease_seconds=LEASE, facts={}), Claim)
    assert [story.key.chat_id for story in await store.ledger.find("1")] == ["a", "b"]


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


async def test_store_that_cannot_be_had(tmp_path: Path) -> None:
    """A file that is no database is told as a store that is away."""
    (tmp_path / "folder").mkdir()
    store = SqliteStore(tmp_path / "folder")
    with pytest.raises(StoreUnavailable):
        await store.open()
    await store.close()


class LedgerMachine(RuleBasedStateMachine):
    """Any order of claims, renewals, advances, settlements and waits, beside a model that a reader sees through."""

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
        """A claim succeeds exactly when nobody holds the memo and it is not settled."""
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
