"""Two ledgers side by side answer alike to any order of calls."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from storage.errors import Fenced
from storage.ledger import Behind, Claim, DeadLetter, Event, MemoKey, Step
from storage.memory.store import MemoryStore
from storage.sqlite.store import SqliteStore
from storage.states import State
from tests.contracts.ledgers import LEASE, Clock, event_at, opened
from tests.postgres.stores import supabase_store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from storage.factory import Store
    from tests.postgres.server import PostgresServer

T = TypeVar("T")

KEYS = [MemoKey("a", "1"), MemoKey("a", "2"), MemoKey("a", "3"), MemoKey("b", "1")]
MESSAGES = ("1", "2", "3")
FACTS = st.dictionaries(st.sampled_from(["transcript", "reply", "spoken"]), st.text("xyz", max_size=2), max_size=2)
STEPS = st.lists(st.builds(Step, st.sampled_from(["hear", "speak"]), st.just(0.5)), max_size=2)
SECONDS = st.sampled_from([0.0, 1.0, 10.0, LEASE, 60.0])
REASONS = st.sampled_from(["deliver-down", "bug-KeyError"])
ENDINGS = st.sampled_from([State.ANSWERED, State.FAILED, State.FAILED, State.SPOKEN])
memo_keys = st.sampled_from(KEYS)


def _event_of(key: MemoKey, copy: int) -> Event:
    """Return the event of a memo, or the copy that a producer sent again."""
    return event_at(KEYS.index(key) + 100 * copy, partition="ab".index(key.chat_id))


events = st.builds(_event_of, memo_keys, st.integers(0, 1))


class TwoLedgers(RuleBasedStateMachine):
    """SQLite and memory: each is the other's model."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.runner = asyncio.Runner()
        self.opened = AsyncExitStack()
        self.stores: list[Store] = []
        self.claims: list[Claim] = []
        self.letters: list[DeadLetter] = []

    def opening(self) -> AbstractAsyncContextManager[Store]:
        """Return the store that is compared with memory."""
        return opened(SqliteStore(":memory:", clock=self.clock))

    @initialize()
    def open(self) -> None:
        """Begin with empty stores."""
        for opening in (self.opening(), opened(MemoryStore(clock=self.clock))):
            self.stores.append(self.runner.run(self.opened.enter_async_context(opening)))

    def teardown(self) -> None:
        """Close them."""
        self.runner.run(self.opened.aclose())
        self.runner.close()

    def _both(self, call: Callable[[Store], Awaitable[Any]]) -> Any:  # noqa: ANN401 (whatever stores give)
        """Ask both; give the answer, or the error's type, that both of them gave."""

        async def ask(store: Store) -> Any:  # noqa: ANN401
            try:
                return await call(store)
            except (Fenced, KeyError, ValueError) as error:
                return type(error)

        told, memory = (self.runner.run(ask(store)) for store in self.stores)
        assert told == memory
        if isinstance(told, Claim):
            self.claims.append(told)
        return told

    def _resumed(self, key: MemoKey) -> object:
        return self._both(lambda store: store.ledger.resume(key, owner="z", lease_seconds=LEASE))

    def _a_claim(self, data: st.DataObject) -> Claim:
        return _a_late(data, self.claims)

    @rule(key=memo_keys, owner=st.sampled_from("xy"), facts=FACTS, copy=st.integers(0, 1))
    def bring(self, key: MemoKey, owner: str, facts: dict[str, str], copy: int) -> None:
        """An event brings a memo, that is parked where it may not overtake."""
        answer = self._both(lambda store: store.ledger.claim(key, owner=owner, lease_seconds=LEASE, facts=facts))
        if isinstance(answer, Behind):
            self._both(lambda store: store.ledger.park_behind(key, _event_of(key, copy), facts=facts))

    @rule(key=memo_keys, seconds=SECONDS)
    def bring_in_vain(self, key: MemoKey, seconds: float) -> None:
        """An event brings a memo that has to wait."""
        claim = self._both(
            lambda store: store.ledger.claim(key, owner="x", lease_seconds=LEASE, facts={"transcript": "w"})
        )
        if isinstance(claim, Claim):
            event = _event_of(key, 0)
            self._both(
                lambda store: store.ledger.park(
                    claim, event, seconds=seconds, reason="deliver-down", facts={}, steps=[]
                )
            )

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), seconds=SECONDS)
    def renew(self, data: st.DataObject, seconds: float) -> None:
        """A past or present holder renews."""
        claim = self._a_claim(data)
        self._both(lambda store: store.ledger.renew(claim, lease_seconds=seconds))

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), state=st.sampled_from([State.KEPT, State.HEARD, State.SENDING]), facts=FACTS)
    def advance(self, data: st.DataObject, state: State, facts: dict[str, str]) -> None:
        """A past or present holder advances, or tries to go back."""
        claim = self._a_claim(data)
        self._both(lambda store: store.ledger.advance(claim, state, facts))

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), state=ENDINGS, facts=FACTS, steps=STEPS, with_letter=st.booleans())
    def settle(
        self,
        data: st.DataObject,
        state: State,
        facts: dict[str, str],
        steps: list[Step],
        with_letter: bool,  # noqa: FBT001 (Hypothesis draws it)
    ) -> None:
        """A past or present holder settles, with a letter or without."""
        claim = self._a_claim(data)
        reason, letter = data.draw(REASONS) if with_letter else None, None
        if reason:
            event = _event_of(claim.key, 0)
            letter = DeadLetter(event, reason, "hear", claim.key, claim.tries + 1, fence=claim.fence)
            self.letters.append(letter)
        self._both(
            lambda store: store.ledger.settle(claim, state, reason=reason, facts=facts, steps=steps, letter=letter)
        )

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), steps=STEPS)
    def release(self, data: st.DataObject, steps: list[Step]) -> None:
        """A past or present holder releases."""
        claim = self._a_claim(data)
        self._both(lambda store: store.ledger.release(claim, steps=steps))

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), copy=st.integers(0, 1), seconds=SECONDS, facts=FACTS, steps=STEPS)
    def park(self, data: st.DataObject, copy: int, seconds: float, facts: dict[str, str], steps: list[Step]) -> None:
        """A past or present holder parks, and holds up its chat or not."""
        claim, reason, holds_chat = self._a_claim(data), data.draw(REASONS), data.draw(st.booleans())
        event = _event_of(claim.key, copy)
        self._both(
            lambda store: store.ledger.park(
                claim, event, seconds=seconds, reason=reason, facts=facts, steps=steps, holds_chat=holds_chat
            )
        )

    @rule(key=memo_keys, copy=st.integers(0, 1), facts=FACTS)
    def park_behind(self, key: MemoKey, copy: int, facts: dict[str, str]) -> None:
        """An event brings a memo to be parked behind others."""
        self._both(lambda store: store.ledger.park_behind(key, _event_of(key, copy), facts=facts))

    @rule(key=memo_keys)
    def resume(self, key: MemoKey) -> None:
        """Resume a memo, due or not."""
        self._resumed(key)

    @rule(topic=st.sampled_from("ttu"), partitions=st.sets(st.integers(0, 1), min_size=1), limit=st.integers(1, 3))
    def retry_parked(self, topic: str, partitions: set[int], limit: int) -> None:
        """Resume what is due; it must succeed."""
        due = self._both(lambda store: _listed(store.ledger.due(topic, partitions, limit=limit)))
        for key, _ in due:
            assert isinstance(self._resumed(key), Claim)

    @rule(key=memo_keys, without=st.sets(st.sampled_from(["transcript", "reply"])), again=st.booleans())
    def revive(self, key: MemoKey, without: set[str], again: bool) -> None:  # noqa: FBT001 (Hypothesis draws it)
        """An operator takes a memo."""
        self._both(
            lambda store: store.ledger.revive(key, owner="operator", lease_seconds=LEASE, without=without, again=again)
        )

    @rule(key=memo_keys, seconds=st.sampled_from([None, None, 0.0, 10.0]), who=st.sampled_from([None, "w"]))
    def purge(self, key: MemoKey, seconds: float | None, who: str | None) -> None:
        """Take a memo and empty it."""
        claim = self._both(lambda store: store.purging.take(key, owner="purger", lease_seconds=LEASE, seconds=seconds))
        if isinstance(claim, Claim):
            self._both(lambda store: store.purging.empty(claim, who=who))

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def empty(self, data: st.DataObject) -> None:
        """A past or present holder empties a memo."""
        claim = self._a_claim(data)
        self._both(lambda store: store.purging.empty(claim))

    @rule(key=memo_keys)
    def remove(self, key: MemoKey) -> None:
        """A memo that may be emptied is removed."""
        self._both(lambda store: store.purging.remove(key))

    @rule(seconds=st.sampled_from([0.0, 10.0]), purged=st.booleans(), limit=st.integers(1, 3))
    def list_what_is_old(self, seconds: float, purged: bool, limit: int) -> None:  # noqa: FBT001 (Hypothesis draws it)
        """List what may be deleted."""
        self._both(lambda store: _listed(store.purging.settled(seconds, purged=purged, limit=limit)))
        self._both(lambda store: _listed(store.purging.memos(after=KEYS[limit], limit=limit)))
        self._both(lambda store: _listed(store.purging.old_dead_letters(seconds, limit=limit)))
        self._both(lambda store: _listed(store.purging.dead_letters_with(b"\xfe1", limit=limit)))

    @rule(event=events)
    def drop_letter(self, event: Event) -> None:
        """Delete a letter."""
        self._both(lambda store: store.purging.drop_dead_letter(event.place))

    @rule(event=events)
    def bury(self, event: Event) -> None:
        """An event that is no memo is buried."""
        letter = DeadLetter(event, "not-json", "parse")
        self.letters.append(letter)
        self._both(lambda store: store.ledger.bury(letter))

    @rule(limit=st.integers(1, 3), seconds=SECONDS)
    def unpublished(self, limit: int, seconds: float) -> None:
        """Letters are taken."""
        self._both(lambda store: _listed(store.ledger.unpublished(limit=limit, seconds=seconds)))

    @precondition(lambda self: self.letters)
    @rule(data=st.data())
    def mark_published(self, data: st.DataObject) -> None:
        """The topic has a letter, perhaps written again since or unknown."""
        letter = _a_late(data, self.letters)
        self._both(lambda store: store.ledger.mark_published(letter))

    @rule(seconds=st.sampled_from([0.5, 10.0, LEASE]))
    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.clock.now += seconds

    @invariant()
    def they_know_the_same(self) -> None:
        """Stories, waiting and due memos, letters and events are the same."""

        async def all_of(store: Store) -> list[object]:
            ledger = store.ledger
            return [
                *[list(await ledger.find(each)) for each in MESSAGES],
                *[await ledger.event(key) for key in KEYS],
                list(await ledger.waiting(limit=4)),
                list(await ledger.due("t", [0, 1], limit=9)),
                list(await ledger.dead_letters(limit=9)),
            ]

        self._both(all_of)


def _a_late(data: st.DataObject, things: list[T]) -> T:
    """Choose one, rather a late one, which may still count."""
    return things[-1 - data.draw(st.integers(0, min(3, len(things) - 1)))]


async def _listed(answer: Awaitable[Any]) -> list[Any]:
    return list(await answer)


class PostgresBesideMemory(TwoLedgers):
    """The same with PostgreSQL in SQLite's place."""

    server: PostgresServer
    database: str

    def opening(self) -> AbstractAsyncContextManager[Store]:
        """Return a store on the server."""
        return supabase_store(self.server, self.database, clock=self.clock)


TestTwoLedgers = pytest.mark.slow(TwoLedgers.TestCase)
TestTwoLedgers.settings = settings(max_examples=120, stateful_step_count=50, deadline=None)


_Case = PostgresBesideMemory.TestCase


class TestPostgresBesideMemory(_Case):  # type: ignore[misc,valid-type] # made by Hypothesis
    """Run where there is a PostgreSQL."""

    settings = settings(max_examples=10, stateful_step_count=25, deadline=None)

    @pytest.fixture(autouse=True)
    def _on_a_server(self, postgres: PostgresServer, clocked_database: str) -> None:
        PostgresBesideMemory.server, PostgresBesideMemory.database = postgres, clocked_database


del _Case  # pytest would take it for a case of its own
