"""Lanes: one per chat. In order within a lane, side by side across lanes, bounded in number and in bytes (I3, I9).

A job that waits for its lane or for a slot costs memory; `full` tells the worker when to pause its partitions. A job is
expected not to raise; one that does is a bug that must end the worker: its exception is kept and raised to the worker.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    lane: Hashable
    run: Callable[[], Awaitable[None]]
    size: int
    tag: Hashable


class Lanes:
    """Runs jobs.

    Args:
        concurrency: how many run at once, over all lanes.
        max_jobs: how many may run and wait together before the lanes count as full.
        max_bytes: the same for the sum of their sizes, in bytes.
    """

    def __init__(self, *, concurrency: int, max_jobs: int, max_bytes: int) -> None:
        self._concurrency = concurrency
        self._max_jobs = max_jobs
        self._max_bytes = max_bytes
        self._waiting: dict[Hashable, deque[_Job]] = {}
        self._ready: deque[Hashable] = deque()
        """Lanes that have a job waiting and none running, first come first served."""
        self._running: dict[_Job, asyncio.Task[None]] = {}
        self._busy: set[Hashable] = set()
        """Lanes that have a job running."""
        self._jobs = 0
        self._bytes = 0
        self._failure: BaseException | None = None
        self._stopped = False

    @property
    def full(self) -> bool:
        """Whether nothing more should be submitted for now."""
        return self._jobs >= self._max_jobs or self._bytes >= self._max_bytes

    @property
    def running(self) -> int:
        """How many jobs run."""
        return len(self._running)

    def submit(
        self, lane: Hashable, run: Callable[[], Awaitable[None]], *, size: int = 0, tag: Hashable = None
    ) -> None:
        """Put a job into a lane; it starts when those before it in the lane have ended and a slot is free.

        Args:
            lane: the jobs of one lane run in order, one at a time.
            run: the work.
            size: what it holds in memory, in bytes.
            tag: by which stop(), drain() and cancel() may pick it.
        """
        if self._stopped:
            return
        self._jobs += 1
        self._bytes += size
        queue = self._waiting.setdefault(lane, deque())
        queue.append(_Job(lane, run, size, tag))
        if len(queue) == 1 and lane not in self._busy:
            self._ready.append(lane)
        self._start()

    def raise_failure(self) -> None:
        """Raise what a job raised, if one did."""
        if self._failure is not None:
            raise self._failure

    def stop(self, tags: Collection[Hashable] | None = None) -> None:
        """Drop what waits (with these tags; without any: everything, and take nothing more)."""
        self._stopped = self._stopped or tags is None
        for lane, queue in list(self._waiting.items()):
            kept = deque(job for job in queue if tags is not None and job.tag not in tags)
            self._forget(job for job in queue if job not in kept)
            if kept:
                self._waiting[lane] = kept
            else:
                del self._waiting[lane]
        self._ready = deque(lane for lane in self._ready if lane in self._waiting)

    async def drain(self, seconds: float, tags: Collection[Hashable] | None = None) -> bool:
        """Wait for what runs (with these tags), for so many seconds at most; say whether all of it ended."""
        tasks = self._tasks(tags)
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        return all(task.done() for task in tasks)

    async def cancel(self, tags: Collection[Hashable] | None = None) -> None:
        """Cancel what runs (with these tags), and wait for it to end."""
        tasks = self._tasks(tags)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _tasks(self, tags: Collection[Hashable] | None) -> list[asyncio.Task[None]]:
        return [task for job, task in self._running.items() if tags is None or job.tag in tags]

    def _start(self) -> None:
        while self._ready and len(self._running) < self._concurrency:
            lane = self._ready.popleft()
            queue = self._waiting[lane]
            job = queue.popleft()
            if not queue:
                del self._waiting[lane]
            self._busy.add(lane)
            task = asyncio.ensure_future(self._run(job))
            self._running[job] = task
            task.add_done_callback(lambda ended, job=job: self._ended(job, ended))

    async def _run(self, job: _Job) -> None:
        await job.run()

    def _ended(self, job: _Job, task: asyncio.Task[None]) -> None:
        del self._running[job]
        self._busy.discard(job.lane)
        self._forget([job])
        if not task.cancelled() and task.exception() is not None and self._failure is None:
            self._failure = task.exception()
        if job.lane in self._waiting:
            self._ready.append(job.lane)
        self._start()

    def _forget(self, jobs: Iterable[_Job]) -> None:
        for job in jobs:
            self._jobs -= 1
            self._bytes -= job.size
