"""Asides: background steps of one memo, such as archiving, that never delay or stop its reply."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from runtime.bug_places import bug_frames
from storage.errors import Fenced, StorageError

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType
    from typing import Self

    from consumer.memo.progress import Progress

_TIMEOUT_SECONDS = 30.0

T = TypeVar("T")

log = logging.getLogger(__name__)


class Asides:
    """The background steps of one memo; leaving the block waits for them."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: list[asyncio.Task[object]] = []
        self.owed: list[str] = []  # names of those that failed

    def start(self, name: str, work: Coroutine[Any, Any, T], *, otherwise: T) -> asyncio.Task[T]:
        """Start a step; its task returns `otherwise` if it fails or takes 30 s."""
        task = asyncio.create_task(self._run(name, work, otherwise), name=f"aside-{name}")
        task.add_done_callback(lambda _: work.close())  # of a task that was cancelled before it began
        self._tasks.append(task)
        return task

    async def _run(self, name: str, work: Coroutine[Any, Any, T], otherwise: T) -> T:
        try:
            with self._progress.stage(name):
                async with asyncio.timeout(_TIMEOUT_SECONDS):
                    return await work
        except (StorageError, TimeoutError):
            self.owed.append(name)
            return otherwise
        except Exception as bug:  # noqa: BLE001 - boundary: a bug in an aside is reported, and does not cost the reply
            self.owed.append(name)
            self._progress.record_bug(bug)
            log.error(  # noqa: TRY400 (a traceback may repeat what a person said: I6)
                "aside.broke", extra={"stage": name, "error": type(bug).__name__, "where": bug_frames(bug)}
            )
            return otherwise

    async def finish(self) -> None:
        """Wait for all steps."""
        await asyncio.gather(*self._tasks)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, asyncio.CancelledError | Fenced):  # after any other end the recording is still archived
            for task in self._tasks:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
