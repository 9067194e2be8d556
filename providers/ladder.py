"""Ladder: one combinator falls back, for speech recognition, reply and speech alike.

A rung is a whole attempt: it gives its value complete or not at all, so what a fallen rung had begun is never heard.
The ladder moves on for a ProviderError, or for the rung's own deadline, and for nothing else: a bug stays a bug (I8).

Every rung but the last has a breaker (providers/breaker.py), which all that climb this ladder share, and so do rungs of
one service. A rung that it keeps shut is passed over at once, and so is one that needs longer than the budget still
gives it. The last rung is always tried, bounded by its own deadline alone: where it cannot fail, the ladder cannot
either.
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
"""The error word of an Attempt that was not made: the rung's breaker keeps it shut."""
NO_TIME: Final = "no-time"
"""The error word of an Attempt that was not made: the rung needs longer than the budget still gives it."""

_FAIR_SHARE: Final = 0.5
"""Of a rung's deadline: cut shorter than this by the budget, a call that timed out was not the service's fault."""
_TURN: Final = 0.6
"""What a rung may take of what the budget still holds, as long as others follow that need it too."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rung(Generic[P, T]):
    """One way to do it."""

    name: str
    call: Callable[P, Awaitable[T]]
    deadline_seconds: float
    quick_seconds: float = 0.0
    """With less than this for its turn, in seconds, it is not even tried; heeded in all rungs but the last."""
    service: str = ""
    """Whose breaker it goes by, for services that serve more than one rung; its own name's where it is empty."""

    @property
    def breaker(self) -> str:
        """The name of its breaker."""
        return self.service or self.name


@dataclass(frozen=True, slots=True)
class Served(Generic[T]):
    """A value, the rung that gave it, and all that was tried."""

    value: T
    rung: str
    attempts: tuple[Attempt, ...]


class Ladder(Generic[P, T]):
    """Rungs in order, under one budget; one object for all memos of a worker, so that they share its breakers.

    Args:
        name: of the step that it serves, as in metrics.
        rungs: the preferred one first; each with a name of its own.
        budget_seconds: for all rungs together, in seconds; the last is tried even when it is spent.
        clock: what the breakers tell the time by, in seconds; unless given, the running event loop's.
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
        """Climb until a rung serves.

        Raises:
            LadderExhausted: every rung fell or was passed over, and the last one fell.
        """
        return await self._climb(self.budget_seconds, *args, **kwargs)

    def within(self, seconds: float) -> Callable[P, Coroutine[Any, Any, Served[T]]]:
        """Give the same ladder with at most this much of its budget, in seconds from the call; 0 or less is none.

        `await ladder.within(left)(memo)` is `await ladder(memo)` in a hurry, and raises the same.
        """

        async def climb(*args: P.args, **kwargs: P.kwargs) -> Served[T]:
            return await self._climb(min(seconds, self.budget_seconds), *args, **kwargs)

        return climb

    def states(self) -> Mapping[str, State]:
        """Tell each rung's breaker's state, in the rungs' order; the last rung, which has none, is always closed."""
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
        """Try a rung, unless there is no time for it or its breaker keeps it shut; the last one whatever happens."""
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
    """The budget left the rung too little of its deadline to say that the service is slow."""


async def _within(rung: Rung[P, T], seconds: float, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a rung under a deadline; a TimeoutError that is not our deadline's own is a bug, and passes through."""
    late = TimedOut if seconds >= _FAIR_SHARE * rung.deadline_seconds else _CutShort
    async with deadline(seconds, late(rung.name)):
        return await rung.call(*args, **kwargs)


def _loop_seconds() -> float:
    return asyncio.get_running_loop().time()
