"""Asides: work that runs beside the main line of a memo. It never delays or stops the reply; its failure is noticed."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

from consumer.bugs import where
from storage.errors import Fenced, StorageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType
    from typing import Self

    from consumer.progress import Progress

_PATIENCE_SECONDS = 30.0
"""How long an upload or a history write may take before it is owed, in seconds."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class Asides:
    """The asides of one memo; leaving the block waits for them, within a bound, unless the memo is lost."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: list[asyncio.Task[object]] = []
        self.owed: list[str] = []
        """Names of the asides that failed: still to be done."""

    def start(
        self, name: str, work: Callable[[], Awaitable[T]], *, otherwise: T, patience_seconds: float = _PATIENCE_SECONDS
    ) -> asyncio.Task[T]:
        """Begin an aside; its task gives the work's value, or `otherwise` when storage fails it or is slow."""
        task = asyncio.create_task(self._run(name, work, otherwise, patience_seconds), name=f"aside-{name}")
        self._tasks.append(task)
        return task

    async def _run(self, name: str, work: Callable[[], Awaitable[T]], otherwise: T, seconds: float) -> T:
        try:
            with self._progress.stage(name):
                async with asyncio.timeout(seconds):
                    return await work()
        except (StorageError, TimeoutError):
            self.owed.append(name)
            return otherwise
        except Exception as bug:  # noqa: BLE001 - boundary: a bug in an aside must be seen, and must not cost the person the reply
            self.owed.append(name)
            self._progress.met(bug)
            log.error(  # noqa: TRY400 (a traceback's last line may repeat what a person said: I6)
                "aside.broke", extra={"stage": name, "error": type(bug).__name__, "where": where(bug)}
            )
            return otherwise

    async def finish(self) -> None:
        """Wait for all of them; each has its own deadline, so this is bounded."""
        await asyncio.gather(*self._tasks)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What ends the memo well or badly must not cost us the recording; what takes it from us may.
        if isinstance(error, asyncio.CancelledError | Fenced):
            for task in self._tasks:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
