"""Progress of a leased memo: reported to listeners, and stored in the ledger."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

from consumer.memo.endings import CannotAnswer
from conversation.budget import Budget
from conversation.notices import RungFailed, RungServed, StageFailed, StageFinished
from providers.errors import ProviderError
from runtime.bug_places import bug_digest, bug_frames
from storage.errors import StoreUnavailable
from storage.ledger import Step
from storage.states import later

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

    from consumer.memo.lease import Lease
    from consumer.notices import Notices
    from providers.errors import Attempt
    from storage.ledger import Claim, JsonValue
    from storage.states import State

_STORE_AWAY_SECONDS = 0.5


@dataclass(slots=True)
class StageTiming:
    """The rung that served a stage."""

    rung: str | None = None


@dataclass(slots=True)
class Progress:
    """One attempt at a leased memo: its steps, facts and state so far."""

    lease: Lease
    notices: Notices
    clock: Callable[[], float] = perf_counter
    budget: Budget = field(default_factory=Budget)
    facts: dict[str, JsonValue] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list, init=False)
    state: State = field(init=False)
    begun: float = field(init=False)  # by `clock`
    bug: str | None = field(default=None, init=False)  # digest of a bug, on the main line or in an aside (I8)
    # Over a network two writes may overtake each other, so the main line and its asides take turns.
    _advancing: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    def __post_init__(self) -> None:
        self.begun, self.state = self.clock(), self.claim.state
        self.facts = {**self.claim.facts, **self.facts}

    @property
    def claim(self) -> Claim:
        """The claim under the lease."""
        return self.lease.claim

    @property
    def owes_original(self) -> bool:
        """Whether the recording was fetched, but is not kept yet (I5)."""
        return bool(self.facts.get("fetched")) and not isinstance(self.facts.get("original"), str)

    def record_bug(self, bug: Exception) -> None:
        """Note a bug and its place."""
        self.bug = bug_digest(bug)
        self.facts["bug"] = bug_frames(bug)

    @contextmanager
    def stage(self, name: str) -> Iterator[StageTiming]:
        """Time a stage and report how it ended. Raises Fenced if the lease has already run out."""
        self.lease.check()
        begun, timing = self.clock(), StageTiming()
        try:
            yield timing
        except BaseException as error:
            seconds = self.clock() - begun
            reason = error.reason if isinstance(error, (ProviderError, CannotAnswer)) else type(error).__name__
            rung = error.rung if isinstance(error, CannotAnswer) else timing.rung
            self.steps.append(Step(name, seconds, rung, reason))
            self.notices(StageFailed(self.claim.key, name, seconds, reason))
            raise
        seconds = self.clock() - begun
        self.steps.append(Step(name, seconds, timing.rung))
        self.notices(StageFinished(self.claim.key, name, seconds, timing.rung))

    def report_attempts(self, attempts: Iterable[Attempt]) -> None:
        """Report the rungs that a ladder has tried."""
        now = asyncio.get_running_loop().time()
        for each in attempts:
            ago = max(0.0, now - each.ended)
            if each.error is None:
                self.notices(RungServed(self.claim.key, each.ladder, each.rung, each.seconds, ago))
            else:
                self.rung_failed(each.ladder, each.rung, each.seconds, each.error, ago)

    def rung_failed(self, stage: str, rung: str, seconds: float, error: str, ago: float = 0.0) -> None:
        """Report a rung, or a form of the reply, that failed `ago` seconds ago."""
        self.steps.append(Step(stage, seconds, rung, error))
        self.notices(RungFailed(self.claim.key, stage, rung, seconds, error, ago))

    def report_part(self, name: str, seconds: float, rung: str | None, error: str | None) -> None:
        """Add a part of a stage to the story, but not to the metrics (I9)."""
        self.steps.append(Step(name, seconds, rung, error))

    async def advance(self, state: State, facts: Mapping[str, JsonValue]) -> None:
        """Store the state, which never goes back, and new facts (I10). Raises Fenced."""
        self.facts.update(facts)
        self.state = later(state, self.state)
        async with self._advancing:
            await self.persist(lambda: self.lease.ledger.advance(self.claim, self.state, self.facts))

    async def persist(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write to the ledger; retry while the store is away and the lease runs. Raises Fenced."""
        while True:
            self.lease.check()
            try:
                return await write()
            except StoreUnavailable:
                await asyncio.sleep(_STORE_AWAY_SECONDS)
