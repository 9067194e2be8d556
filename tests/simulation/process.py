"""A process of the simulation: it may die, be stopped and go on, at any of its dealings with the world outside."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

T = TypeVar("T")

_NEAR_SECONDS = 0.02
"""How long a message between a process and its neighbours takes at the most."""


class Process:
    """One worker's process. What it has sent off takes effect whatever becomes of it."""

    def __init__(self, name: str, random: Random) -> None:
        self.name = name
        self.random = random
        self.dead = False
        self.fuse: int | None = None
        """After so many more dealings it dies."""
        self._running = asyncio.Event()
        self._running.set()
        self._over = False
        self.was_stopped = False

    @property
    def stopped(self) -> bool:
        """Whether it stands still (SIGSTOP)."""
        return not self._running.is_set()

    def die(self) -> None:
        """Do nothing any more, for ever (SIGKILL)."""
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
        """Be gone, with all that waits for it: the simulation is over."""
        self._over = True
        self._running.set()

    async def step(self) -> None:
        """Be where the process can be stopped or killed."""
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
        """Have something done outside: the request travels, takes effect, and the answer travels back.

        Args:
            work: the effect, at one moment.
            seconds: how long the request travels at the most, in seconds.
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
            except Exception as error:  # noqa: BLE001 (whatever the other side says is the caller's to handle)
                if not answer.done():
                    answer.set_exception(error)
                    answer.exception()  # the caller may be gone: then nobody has to hear it
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
