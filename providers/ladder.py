"""Ladder of fallbacks, for speech recognition, replies and speech alike.

A rung returns its whole value or none, so nothing of a failed rung is ever heard. The ladder moves on for a
ProviderError or the rung's deadline only: a bug stays a bug (I8).

Every rung but the last has a breaker, shared by all memos and by the rungs of one service. A rung is passed over while
its breaker is open, or when the budget leaves it too little time. The last rung is always tried, with its own deadline.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, ParamSpec, TypeVar

from providers.breaker import Breaker, State
from providers.deadline import deadline
from providers.errors import Attempt, LadderExhausted, ProviderError, TimedOut

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

log = logging.getLogger(__name__)

OPEN: Final = "open"
"""`Attempt.error` of a rung that its breaker kept out."""
NO_TIME: Final = "no-time"
"""`Attempt.error` of a rung that needs longer than the budget allows."""

_FAIR_SHARE: Final = 0.5  # of a rung's deadline: a time-out after less than this is not the service's fault
_TURN: Final = 0.6  # the share of the remaining budget that a rung may take if others follow that need it

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rung(Generic[P, T]):
    """One way to do the work."""

    name: str
    call: Callable[P, Awaitable[T]]
    deadline_seconds: float
    quick_seconds: float = 0.0
    """It is not tried with less time than this; ignored for the last rung."""
    service: str = ""
    """Shared by rungs that share a breaker; the rung's name by default."""

    @property
    def breaker(self) -> str:
        """The name of its breaker."""
        return self.service or self.name


@dataclass(frozen=True, slots=True)
class Served(Generic[T]):
    """A value, the rung that returned it, and all attempts."""

    value: T
    rung: str
    attempts: tuple[Attempt, ...]


class Ladder(Generic[P, T]):
    """Rungs in order, under one budget; shared by all memos of a worker, with its breakers.

    Args:
        name: of the stage, as in metrics.
        rungs: the preferred one first.
        budget_seconds: for all rungs together; the last is tried even without.
        clock: of the breakers, in seconds; by default the event loop's.
    """

    def __init__(
        self, name: str, *rungs: Rung[P, T], budget_seconds: float, clock: Callable[[], float] | None = None
    ) -> None:
        if len({rung.name for rung in rungs}) < len(rungs):
            raise ValueError(f"two rungs of one name in the ladder {name}")
        self.name = name
        self.rungs = rungs
        self.budget_seconds = budget_seconds
        self._breakers = {
            name: Breaker(clock or _loop_seconds) for name in dict.fromkeys(rung.breaker for rung in rungs[:-1])
        }

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Served[T]:
        """Try the rungs until one serves.

        Raises:
            LadderExhausted: none did.
        """
        return await self._climb(self.budget_seconds, *args, **kwargs)

    def within(self, seconds: float) -> Callable[P, Coroutine[Any, Any, Served[T]]]:
        """Return the same ladder with at most this budget, from the call on: `await ladder.within(left)(memo)`."""

        async def climb(*args: P.args, **kwargs: P.kwargs) -> Served[T]:
            return await self._climb(min(seconds, self.budget_seconds), *args, **kwargs)

        return climb

    def states(self) -> Mapping[str, State]:
        """Return rung → its breaker's state, in order; the last rung, without one, is closed."""
        return {
            rung.name: breaker.state if (breaker := self._breakers.get(rung.breaker)) else State.CLOSED
            for rung in self.rungs
        }

    async def _climb(self, budget_seconds: float, *args: P.args, **kwargs: P.kwargs) -> Served[T]:
        loop = asyncio.get_running_loop()
        end = loop.time() + budget_seconds
        attempts: list[Attempt] = []
        for place, rung in enumerate(self.rungs):
            begun = loop.time()
            turn = _TURN if place + 2 < len(self.rungs) else 1.0  # the last rung has its own deadline, and needs none
            try:
                value = await self._step(rung, turn * (end - begun), *args, **kwargs)
            except ProviderError as error:
                ended = loop.time()
                attempts.append(Attempt(self.name, rung.name, ended - begun, error.reason, ended=ended))
            else:
                ended = loop.time()
                attempts.append(Attempt(self.name, rung.name, ended - begun, ended=ended))
                return Served(value, rung.name, tuple(attempts))
        raise LadderExhausted(self.name, attempts)

    async def _step(self, rung: Rung[P, T], turn_seconds: float, *args: P.args, **kwargs: P.kwargs) -> T:
        """Try a rung, unless its time or its breaker forbids it."""
        breaker = self._breakers.get(rung.breaker)
        if breaker is None:
            return await _within(rung, rung.deadline_seconds, *args, **kwargs)
        if turn_seconds <= 0 or turn_seconds < rung.quick_seconds:  # before the breaker: no probe is taken for this
            raise _NoTime(rung.name)
        call = breaker.admit()
        if call is None:
            raise _KeptOut(rung.name)
        try:
            value = await _within(rung, min(rung.deadline_seconds, turn_seconds), *args, **kwargs)
        except _CutShort:
            raise
        except ProviderError as error:
            if breaker.failed(call, error):
                self._log_shut(rung, error)
            raise
        else:
            breaker.succeeded(call)
            return value
        finally:
            breaker.release(call)  # a bug or a cancellation says nothing of the service, and the probe is free again

    def _log_shut(self, rung: Rung[P, T], error: ProviderError) -> None:
        log.error("rung.shut", extra={"stage": self.name, "rung": rung.name, "reason": error.reason})


class _NoTime(ProviderError):
    reason = NO_TIME


class _KeptOut(ProviderError):
    reason = OPEN


class _CutShort(TimedOut):
    """The budget left the rung too little time for this to be the service's fault."""


async def _within(rung: Rung[P, T], seconds: float, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a rung under a deadline; another TimeoutError is a bug, and passes through."""
    late = TimedOut if seconds >= _FAIR_SHARE * rung.deadline_seconds else _CutShort
    async with deadline(seconds, late(rung.name)):
        return await rung.call(*args, **kwargs)


def _loop_seconds() -> float:
    return asyncio.get_running_loop().time()
