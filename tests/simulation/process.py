"""A process of the simulation: it may die or be stopped at any of its dealings with the world outside."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

T = TypeVar("T")

_NEAR_SECONDS = 0.02
"""Longest way of a message between a process and its neighbours."""


class Process:
    """One worker's process. A request that is on its way takes effect though the process dies."""

    def __init__(self, name: str, random: Random) -> None:
        self.name = name
        self.random = random
        self.dead = False
        self.fuse: int | None = None
        """Dealings until it dies."""
        self._running = asyncio.Event()
        self._running.set()
        self._over = False
        self.was_stopped = False

    @property
    def stopped(self) -> bool:
        """Whether it stands still (SIGSTOP)."""
        return not self._running.is_set()

    def die(self) -> None:
        """Stop for ever (SIGKILL)."""
        self.dead = True
        self._running.clear()

    def stop(self) -> None:
        """Stand still."""
        self.was_stopped = True
        self._running.clear()

    def go_on(self) -> None:
        """Go on where it stood still."""
        if not self.dead:
            self._running.set()

    def vanish(self) -> None:
        """Cancel all that waits for it: the simulation is over."""
        self._over = True
        self._running.set()

    async def step(self) -> None:
        """Wait while the process is stopped or dead."""
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse <= 0:
                self.die()
        await self._running.wait()
        if self._over:
            raise asyncio.CancelledError

    async def deal(
        self,
        work: Callable[[], T],
        *,
        seconds: float = _NEAR_SECONDS,
        lost: BaseException | None = None,
        answer_lost: BaseException | None = None,
    ) -> T:
        """Send a request, which takes effect at one moment, and wait for its answer.

        Args:
            work: the effect.
            seconds: longest way of the request.
            lost: raised instead of any effect.
            answer_lost: raised after the effect.
        """
        await self.step()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def take_effect() -> None:
            try:
                if lost is not None:
                    raise lost  # noqa: TRY301 (it travels back like any other answer)
                value = work()
                if answer_lost is not None:
                    raise answer_lost  # noqa: TRY301 (the same)
            except Exception as error:  # noqa: BLE001 (any error is the caller's to handle)
                if not answer.done():
                    answer.set_exception(error)
                    answer.exception()  # the caller may be gone
            else:
                if not answer.done():
                    answer.set_result(value)

        loop.call_later(self.random.random() * seconds, take_effect)
        try:
            value = await answer
        except Exception:
            await self.step()
            raise
        await self.step()
        return value
