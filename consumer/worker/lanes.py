"""Lanes: one per chat; in order within a lane, concurrent across lanes, bounded in number and bytes (I3, I9).

Until a job that returns Again is run again, its lane waits, and its slot is free. A job that raises is a bug that must
end the worker: raise_failure() raises its exception, and the other lanes go on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from consumer.handling.work import Again

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Hashable

    from consumer.handling.work import Outcome

_CANCEL_SECONDS = 10.0


class Abandoned(RuntimeError):
    """A job was cancelled from outside, or did not end when the lanes cancelled it."""


@dataclass(slots=True, eq=False)
class _Job:
    lane: Hashable
    run: Callable[[], Awaitable[Outcome]]
    size: int
    tag: Hashable
    since: float
    stopped: bool = False  # not run again
    cancelled: bool = False  # by the lanes

    def has_tag(self, tags: Collection[Hashable] | None) -> bool:
        return tags is None or self.tag in tags


class Lanes:
    """Runs jobs, `concurrency` at once. Lanes take turns: after each job a lane goes to the end of the queue.

    `max_jobs`, running and waiting, and `max_bytes`, the sum of their sizes, are when the lanes count as full.
    """

    def __init__(self, *, concurrency: int, max_jobs: int, max_bytes: int) -> None:
        self._concurrency = concurrency
        self._max_jobs = max_jobs
        self._max_bytes = max_bytes
        self._waiting: dict[Hashable, deque[_Job]] = {}  # by lane; an idle lane is forgotten
        self._ready: deque[Hashable] = deque()  # lanes with a job waiting and none running, first come first served
        self._running: dict[_Job, asyncio.Task[Outcome]] = {}
        self._later: dict[_Job, asyncio.TimerHandle] = {}
        self._busy: set[Hashable] = set()  # lanes with a job running, or one to be run again
        self._jobs = 0
        self._bytes = 0
        self._failure: BaseException | None = None
        self._stopped = False

    @property
    def full(self) -> bool:
        """Whether submit() should not be called for now."""
        return self._jobs >= self._max_jobs or self._bytes >= self._max_bytes

    @property
    def running(self) -> int:
        """Number of running jobs."""
        return len(self._running)

    def oldest_seconds(self) -> float | None:
        """Return the age of the oldest job, in seconds; None without any."""
        jobs = [*self._running, *self._later, *(job for queue in self._waiting.values() for job in queue)]
        if not jobs:
            return None
        return asyncio.get_running_loop().time() - min(job.since for job in jobs)

    def submit(
        self, lane: Hashable, run: Callable[[], Awaitable[Outcome]], *, size: int = 0, tag: Hashable = None
    ) -> None:
        """Put a job of `size` bytes into a lane, or drop it after a stop() of everything.

        stop(), drain() and cancel() select jobs by tag.
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
        """Raise what the first failing job raised, or Abandoned."""
        if self._failure is not None:
            raise self._failure

    def stop(self, tags: Collection[Hashable] | None = None) -> None:
        """Drop waiting jobs with these tags; without tags all, for good."""
        self._stopped = self._stopped or tags is None
        for lane, queue in list(self._waiting.items()):
            for job in [job for job in queue if job.has_tag(tags)]:
                queue.remove(job)
                self._forget(job)
            if not queue:
                del self._waiting[lane]
        self._ready = deque(lane for lane in self._ready if lane in self._waiting)
        for job in self._running:
            job.stopped = job.stopped or job.has_tag(tags)
        for job in [job for job in self._later if job.has_tag(tags)]:
            self._later.pop(job).cancel()
            self._finish(job)
        self._start()

    async def drain(self, seconds: float, tags: Collection[Hashable] | None = None) -> bool:
        """Wait for running jobs (with these tags); return whether all of them ended in time."""
        tasks = [task for job, task in self._running.items() if job.has_tag(tags)]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        return all(task.done() for task in tasks)

    async def cancel(self, tags: Collection[Hashable] | None = None, *, seconds: float = _CANCEL_SECONDS) -> None:
        """Cancel running jobs (with these tags) and wait, or fail as Abandoned. Call stop() first."""
        jobs = [job for job in self._running if job.has_tag(tags)]
        for job in jobs:
            job.cancelled = True
            self._running[job].cancel()
        if jobs and not await self.drain(seconds, tags):
            self._failure = self._failure or Abandoned("a job did not end when it was cancelled")

    def _start(self) -> None:
        while self._ready and len(self._running) < self._concurrency:
            lane = self._ready.popleft()
            queue = self._waiting[lane]
            job = queue.popleft()
            if not queue:
                del self._waiting[lane]
            self._busy.add(lane)
            task = asyncio.ensure_future(job.run())
            self._running[job] = task
            task.add_done_callback(partial(self._ended, job))

    def _ended(self, job: _Job, task: asyncio.Task[Outcome]) -> None:
        del self._running[job]
        outcome = None
        if not task.cancelled():
            failure = task.exception()
            self._failure = self._failure or failure
            outcome = None if failure else task.result()
        elif not job.cancelled:
            self._failure = self._failure or Abandoned("a job was cancelled, and not by the lanes")
        if isinstance(outcome, Again) and not job.stopped:
            self._later[job] = asyncio.get_running_loop().call_later(outcome.seconds, self._run_again, job)
        else:
            self._finish(job)
        job.cancelled = False
        self._start()

    def _run_again(self, job: _Job) -> None:
        del self._later[job]
        self._busy.discard(job.lane)
        self._waiting.setdefault(job.lane, deque()).appendleft(job)  # before all others of its lane
        self._ready.append(job.lane)
        self._start()

    def _finish(self, job: _Job) -> None:
        self._busy.discard(job.lane)
        self._forget(job)
        if job.lane in self._waiting:
            self._ready.append(job.lane)

    def _forget(self, job: _Job) -> None:
        self._jobs -= 1
        self._bytes -= job.size
