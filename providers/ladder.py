"""Ladder: one combinator falls back, for speech recognition, reply and speech alike.

A rung is a whole attempt: it gives its value complete or not at all, so what a fallen rung had begun is never heard.
The ladder moves on for a ProviderError, or for the rung's own deadline, and for nothing else: a bug stays a bug (I8).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

from providers.errors import LadderExhausted, ProviderError, TimedOut

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rung(Generic[P, T]):
    """One way to do it."""

    name: str
    call: Callable[P, Awaitable[T]]
    deadline_seconds: float


@dataclass(frozen=True, slots=True)
class Attempt:
    """One rung tried."""

    ladder: str
    rung: str
    seconds: float
    """How long it took, in seconds."""
    error: str | None = None
    """The reason it fell (a constant word, ProviderError.reason); None when it served."""


@dataclass(frozen=True, slots=True)
class Served(Generic[T]):
    """A value, the rung that gave it, and all that was tried."""

    value: T
    rung: str
    attempts: tuple[Attempt, ...]


class Ladder(Generic[P, T]):
    """Rungs in order, under one budget.

    Args:
        name: of the step that it serves, as in metrics.
        rungs: the preferred one first.
        budget_seconds: for all rungs together, in seconds.
    """

    def __init__(self, name: str, *rungs: Rung[P, T], budget_seconds: float) -> None:
        self.name = name
        self.rungs = rungs
        self.budget_seconds = budget_seconds

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Served[T]:
        """Climb until a rung serves.

        Raises:
            LadderExhausted: every rung fell, or the budget ran out.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + self.budget_seconds
        attempts: list[Attempt] = []
        for rung in self.rungs:
            begun = loop.time()
            if begun >= end:
                break
            try:
                value = await _within(rung, min(rung.deadline_seconds, end - begun), *args, **kwargs)
            except ProviderError as fallen:
                attempts.append(Attempt(self.name, rung.name, loop.time() - begun, fallen.reason))
            else:
                attempts.append(Attempt(self.name, rung.name, loop.time() - begun))
                return Served(value, rung.name, tuple(attempts))
        raise LadderExhausted(self.name, attempts)


async def _within(rung: Rung[P, T], seconds: float, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a rung under its deadline; a TimeoutError that is not our deadline's own is a bug, and passes through."""
    scope = asyncio.timeout(seconds)
    try:
        async with scope:
            return await rung.call(*args, **kwargs)
    except TimeoutError as late:
        if scope.expired():
            raise TimedOut(rung.name) from late
        raise
