"""Lanes: one per chat. In order within a lane, side by side across lanes, bounded in number and in bytes (I3, I9).

A job that waits for its lane or for a slot costs memory; `full` tells the worker when to pause its partitions. A job
may ask to be run again after a while: until then its lane waits with it, and its slot is free. A job is expected not to
raise; one that does is a bug that must end the worker: its exception is kept and raised to the worker, while the other
lanes go on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Hashable

_CANCEL_SECONDS = 10.0


class Abandoned(RuntimeError):
    """A job was cancelled by somebody else, or would not end when the lanes cancelled it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    lane: Hashable
    run: Callable[[], Awaitable[float | None]]
    size: int
    tag: Hashable
    since: float

    def is_of(self, tags: Collection[Hashable] | None) -> bool:
        return tags is None or self.tag in tags


class Lanes:
    """Runs jobs.

    Lanes take turns: one that has more to do goes to the end of the queue after each job.

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
        """By lane, and only lanes that have any: an idle lane is forgotten."""
        self._ready: deque[Hashable] = deque()
        """Lanes that have a job waiting and none running, first come first served."""
        self._running: dict[_Job, asyncio.Task[float | None]] = {}
        self._later: dict[_Job, asyncio.TimerHandle] = {}
        """Jobs that asked to be run again, and when."""
        self._busy: set[Hashable] = set()
        """Lanes that have a job running, or one that is to be run again."""
        self._last: set[_Job] = set()
        """Those that run for the last time: a stop() has dropped what they would ask for."""
        self._cancelled: set[_Job] = set()
        """Those that run and were told to end."""
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

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return self._jobs - len(self._running)

    @property
    def oldest_seconds(self) -> float | None:
        """How long the oldest job has been here, in seconds; None when there is none."""
        jobs = [*self._running, *self._later, *(job for queue in self._waiting.values() for job in queue)]
        if not jobs:
            return None
        return asyncio.get_running_loop().time() - min(job.since for job in jobs)

    def submit(
        self, lane: Hashable, run: Callable[[], Awaitable[float | None]], *, size: int = 0, tag: Hashable = None
    ) -> None:
        """Put a job into a lane; it starts when those before it in the lane have ended and a slot is free.

        After a stop() of everything it is dropped, and whoever holds its offset must not commit that.

        Args:
            lane: the jobs of one lane run in order, one at a time.
            run: the work; gives None when it is done, else after how many seconds to run it again.
            size: what it holds in memory, in bytes.
            tag: by which stop(), drain() and cancel() may pick it.
        """
        if self._stopped:
            return
        self._jobs += 1
        self._bytes += size
        queue = self._waiting.setdefault(lane, deque())
        queue.append(_Job(lane, run, size, tag, asyncio.get_running_loop().time()))
        if len(queue) == 1 and lane not in self._busy:
            self._ready.append(lane)
        self._start()

    def raise_failure(self) -> None:
        """Raise what a job raised, the first that did; Abandoned where one was cancelled by others, or would not be."""
        if self._failure is not None:
            raise self._failure

    def stop(self, tags: Collection[Hashable] | None = None) -> None:
        """Drop what waits (with these tags; without any: everything, and take nothing more)."""
        self._stopped = self._stopped or tags is None
        for lane, queue in list(self._waiting.items()):
            kept: deque[_Job] = deque()
            for job in queue:
                if job.is_of(tags):
                    self._forget(job)
                else:
                    kept.append(job)
            if kept:
                self._waiting[lane] = kept
            else:
                del self._waiting[lane]
        self._ready = deque(lane for lane in self._ready if lane in self._waiting)
        self._last.update(job for job in self._running if job.is_of(tags))
        for job in [job for job in self._later if job.is_of(tags)]:
            self._later.pop(job).cancel()
            self._done(job)
        self._start()

    async def drain(self, seconds: float, tags: Collection[Hashable] | None = None) -> bool:
        """Wait for what runs now (with these tags), for so many seconds at most; say whether all of it ended."""
        tasks = [task for job, task in self._running.items() if job.is_of(tags)]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        return all(task.done() for task in tasks)

    async def cancel(self, tags: Collection[Hashable] | None = None, *, seconds: float = _CANCEL_SECONDS) -> None:
        """Cancel what runs (with these tags), and wait for it to end; stop() comes first, or what waits starts instead.

        A job that has not ended after so many seconds is a failure: raise_failure() raises Abandoned.
        """
        jobs = [job for job in self._running if job.is_of(tags)]
        for job in jobs:
            self._cancelled.add(job)
            self._running[job].cancel()
        if jobs and not await self.drain(seconds, tags):
            self._failed(Abandoned("a job did not end when it was cancelled"))

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
            task.add_done_callback(partial(self._ended, job))

    async def _run(self, job: _Job) -> float | None:
        return await job.run()

    def _ended(self, job: _Job, task: asyncio.Task[float | None]) -> None:
        del self._running[job]
        again = None
        if not task.cancelled():
            failure = task.exception()
            self._failed(failure)
            again = None if failure else task.result()
        elif job not in self._cancelled:
            self._failed(Abandoned("a job was cancelled, and not by the lanes"))
        if again is None or job in self._last:
            self._done(job)
        else:
            self._later[job] = asyncio.get_running_loop().call_later(again, self._again, job)
        self._cancelled.discard(job)
        self._last.discard(job)
        self._start()

    def _again(self, job: _Job) -> None:
        """Put a job back, before all others of its lane."""
        del self._later[job]
        self._busy.discard(job.lane)
        self._waiting.setdefault(job.lane, deque()).appendleft(job)
        self._ready.append(job.lane)
        self._start()

    def _done(self, job: _Job) -> None:
        """Let go of a job, and let its lane go on."""
        self._busy.discard(job.lane)
        self._forget(job)
        if job.lane in self._waiting:
            self._ready.append(job.lane)

    def _failed(self, failure: BaseException | None) -> None:
        self._failure = self._failure or failure

    def _forget(self, job: _Job) -> None:
        self._jobs -= 1
        self._bytes -= job.size
