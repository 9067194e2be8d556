"""Progress: how one memo gets on, told to the listeners as it happens and kept for the ledger."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

from consumer.budget import Budget
from consumer.bugs import digest, where
from consumer.notices import RungFailed, RungServed, StageFailed, StageFinished
from providers.errors import ProviderError
from storage.errors import StoreUnavailable
from storage.ledger import Step, later

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

    from consumer.lease import Lease
    from consumer.notices import Notices
    from providers.errors import Attempt
    from storage.ledger import Claim, JsonValue, Ledger, State

_STORE_AWAY_SECONDS = 0.5


class CannotAnswer(Exception):
    """This memo will have a spoken fallback instead of a reply.

    Attributes:
        reason: a constant word.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Timing:
    """What a stage may add to its own line of the story."""

    rung: str | None = None


@dataclass(slots=True)
class Progress:
    """One claim's way through the pipeline."""

    claim: Claim
    ledger: Ledger
    notices: Notices
    lease: Lease
    clock: Callable[[], float] = perf_counter
    steps: list[Step] = field(default_factory=list)
    """Finished stages and fallen rungs, in order."""
    budget: Budget = field(default_factory=Budget)
    """What is left of the memo's deadline."""
    facts: dict[str, JsonValue] = field(default_factory=dict)
    """What is known of the memo: from earlier holders, and since."""
    state: State = field(init=False)
    """How far the memo got."""
    bug: str | None = None
    """Digest of the bug that was met, on the main line or beside it (I8)."""
    _advancing: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    """The main line and its asides advance one after the other: over a network two writes may overtake each other."""

    def __post_init__(self) -> None:
        self.state = self.claim.state
        self.facts = {**self.claim.facts, **self.facts}

    @property
    def owes_original(self) -> bool:
        """Whether the recording was had, and is neither in the archive nor owed to it (I5)."""
        return bool(self.facts.get("fetched")) and not isinstance(self.facts.get("original"), str)

    def met(self, bug: Exception) -> None:
        """Note a bug, and where it was met, for the story."""
        self.bug = digest(bug)
        self.facts["bug"] = where(bug)

    @contextmanager
    def stage(self, name: str) -> Iterator[Timing]:
        """Time a stage; an exception passes through, told and kept by its constant word.

        Raises:
            Fenced: the lease has run out; what the stage would be paid for is another's now.
        """
        self.lease.check()
        begun = self.clock()
        timing = Timing()
        try:
            yield timing
        except BaseException as error:
            seconds = self.clock() - begun
            self.steps.append(Step(name, seconds, timing.rung, reason_of(error)))
            self.notices(StageFailed(self.claim.key, name, seconds, reason_of(error)))
            raise
        seconds = self.clock() - begun
        self.steps.append(Step(name, seconds, timing.rung))
        self.notices(StageFinished(self.claim.key, name, seconds, timing.rung))

    def fell(self, attempts: Iterable[Attempt]) -> None:
        """Tell of the rungs that fell; of the one that served only the listeners: the story has it with its stage."""
        key, now = self.claim.key, asyncio.get_running_loop().time()
        for attempt in attempts:
            ladder, rung, seconds, ago = attempt.ladder, attempt.rung, attempt.seconds, max(0.0, now - attempt.ended)
            if attempt.error is None:
                self.notices(RungServed(key, ladder, rung, seconds, ago))
            else:
                self.steps.append(Step(ladder, seconds, rung, attempt.error))
                self.notices(RungFailed(key, ladder, rung, seconds, attempt.error, ago))

    def part(self, name: str, seconds: float, rung: str | None, error: str | None) -> None:
        """Tell the story, and nobody else, of one of many parts of a stage; `error` is a constant word.

        A memo has as many parts as its length makes it have: their names are no labels for metrics (I9).
        """
        self.steps.append(Step(name, seconds, rung, error))

    async def advance(self, state: State, facts: Mapping[str, JsonValue]) -> None:
        """Store how far the memo got, so that nobody pays for it again; never less far than before.

        A store that is away is waited for while the lease runs: what was gained would be lost without it.

        Raises:
            Fenced: the memo is not ours any more.
        """
        self.facts.update(facts)
        self.state = later(state, self.state)
        async with self._advancing:
            await self.persist(lambda: self.ledger.advance(self.claim, self.state, self.facts))

    async def persist(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write to the ledger; as long as the lease runs, a store that is away is asked again. Raises Fenced."""
        while True:
            self.lease.check()
            try:
                return await write()
            except StoreUnavailable:
                await asyncio.sleep(_STORE_AWAY_SECONDS)


def reason_of(error: BaseException) -> str:
    """Give the constant word for an error: its own `reason`, else its type's name."""
    if isinstance(error, (ProviderError, CannotAnswer)):
        return error.reason
    return type(error).__name__
