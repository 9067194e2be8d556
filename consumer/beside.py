"""Beside: tasks that run as long as the worker does, beside its main line."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Beside:
    """Holds the tasks; close() ends them."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Begin a task."""

        async def run() -> None:
            await work()

        self._tasks.append(asyncio.create_task(run(), name=name))

    def raise_failure(self) -> None:
        """Raise what ended a task that should go on: a bug."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def close(self) -> None:
        """End the tasks. Raises what one of them raised before it was asked to end."""
        for task in self._tasks:
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
