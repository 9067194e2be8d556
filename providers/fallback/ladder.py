"""Ladder of fallbacks.

A rung returns its whole value or none, so nothing of a failed rung is heard. Only a ProviderError or the rung's
deadline leads on: a bug stays a bug (I8). All rungs but the last have a breaker.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, ParamSpec, TypeVar

from providers.errors import Attempt, LadderExhausted, ProviderError, TimedOut
from providers.fallback.breaker import Breaker, BreakerState
from providers.fallback.deadline import deadline

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

log = logging.getLogger(__name__)

OPEN: Final = "open"
"""`Attempt.error`: kept out by the breaker."""
NO_TIME: Final = "no-time"
"""`Attempt.error`: too little budget left."""

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
    min_seconds: float = 0.0
    """The least time worth a try; ignored for the last rung."""
    service: str = ""
    """Rungs of one service share a breaker; by default the name."""

    @property
    def breaker(self) -> str:
        """The breaker's key."""
        return self.service or self.name


@dataclass(frozen=True, slots=True)
class Served(Generic[T]):
    """A value, its rung, and all attempts."""

    value: T
    rung: str
    attempts: tuple[Attempt, ...]


class Ladder(Generic[P, T]):
    """Rungs in order, shared by all memos of a worker; `clock` is that of the breakers.

    The last rung is always tried; the others are passed over without budget, or while their breaker is open.
    """

    def __init__(
        self, name: str, *rungs: Rung[P, T], budget_seconds: float, clock: Callable[[], float] | None = None
    ) -> None:
        if len({rung.name for rung in rungs}) < len(rungs):
            raise ValueError(f"two rungs of one name in the ladder {name}")
        self.name = name
        self.rungs = rungs
        self.budget_seconds = budget_seconds
        clock = clock or (lambda: asyncio.get_running_loop().time())
        self._breakers = {key: Breaker(clock) for key in dict.fromkeys(rung.breaker for rung in rungs[:-1])}

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Served[T]:
        """Try the rungs until one serves. Raises LadderExhausted."""
        return await self._climb(self.budget_seconds, *args, **kwargs)

    def within(self, seconds: float) -> Callable[P, Coroutine[Any, Any, Served[T]]]:
        """Return the ladder with at most this budget: `await ladder.within(left)(memo)`."""
        return partial(self._climb, min(seconds, self.budget_seconds))

    def states(self) -> Mapping[str, BreakerState]:
        """Return rung → state of its breaker; the last one is closed."""
        return {
            rung.name: breaker.state if (breaker := self._breakers.get(rung.breaker)) else BreakerState.CLOSED
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
        breaker = self._breakers.get(rung.breaker)
        if breaker is None:
            return await _within(rung, rung.deadline_seconds, *args, **kwargs)
        if turn_seconds <= 0 or turn_seconds < rung.min_seconds:  # before the breaker: no probe is taken for this
            raise _NoTime(rung.name)
        call = breaker.admit()
        if call is None:
            raise _BreakerOpen(rung.name)
        try:
            value = await _within(rung, min(rung.deadline_seconds, turn_seconds), *args, **kwargs)
        except _CutShort:
            raise
        except ProviderError as error:
            if breaker.record_failure(call, error):
                self._log_shut(rung, error)  # without the traceback that a handler would log
            raise
        else:
            breaker.record_success(call)
            return value
        finally:
            breaker.release(call)  # a bug or a cancellation says nothing of the service, and the probe is free again

    def _log_shut(self, rung: Rung[P, T], error: ProviderError) -> None:
        log.error("rung.shut", extra={"stage": self.name, "rung": rung.name, "reason": error.reason})


class _NoTime(ProviderError, reason=NO_TIME): ...


class _BreakerOpen(ProviderError, reason=OPEN): ...


class _CutShort(TimedOut, reason=TimedOut.reason):
    """The budget left too little time to blame the service."""


async def _within(rung: Rung[P, T], seconds: float, *args: P.args, **kwargs: P.kwargs) -> T:
    late = TimedOut if seconds >= _FAIR_SHARE * rung.deadline_seconds else _CutShort
    async with deadline(seconds, late(rung.name)):
        return await rung.call(*args, **kwargs)
