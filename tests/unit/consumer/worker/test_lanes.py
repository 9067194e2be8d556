"""Lanes: order, fairness, bounds, and an orderly end."""

from __future__ import annotations

import asyncio
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consumer.handling.work import Again, Done
from consumer.worker.lanes import Abandoned, Lanes
from tests.harness.virtual_time import VirtualTimeLoop, in_virtual_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.handling.work import Outcome


@dataclass(eq=False)
class Work:
    """Jobs with a gate each, and what became of them."""

    lanes: Lanes
    started: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    gates: dict[str, asyncio.Future[None]] = field(default_factory=dict)

    def submit(self, lane: str, name: str, *, size: int = 0, tag: str | None = None) -> None:
        """Put a job into its lane."""
        self.lanes.submit(lane, self._job(name), size=size, tag=tag)

    def _job(self, name: str) -> Callable[[], Awaitable[Outcome]]:
        async def job() -> Outcome:
            self.started.append(name)
            self.gates[name] = asyncio.get_running_loop().create_future()
            try:
                await self.gates[name]
            finally:
                del self.gates[name]
                self.ended.append(name)
            return Done()

        return job

    async def finish(self, name: str) -> None:
        """Open a job's gate."""
        self.gates[name].set_result(None)
        await settled()


async def settled() -> None:
    """Wait until all that is ready has run."""
    for _ in range(4):
        await asyncio.sleep(0)


def _waiting(lanes: Lanes) -> int:
    return lanes._jobs - lanes.running


def _work(*, concurrency: int = 2, max_jobs: int = 100, max_bytes: int = 100) -> Work:
    return Work(Lanes(concurrency=concurrency, max_jobs=max_jobs, max_bytes=max_bytes))


@in_virtual_time
async def test_a_chat_is_answered_in_order() -> None:
    """A job of a lane starts when the one before it has ended, though a slot is free."""
    work = _work()
    for name in ("one", "two"):
        work.submit("chat", name)
    await settled()
    assert work.started == ["one"]
    await work.finish("one")
    assert work.started == ["one", "two"]


@in_virtual_time
async def test_a_slow_chat_holds_up_no_other() -> None:
    """Other lanes go on while one does not come to its end."""
    work = _work()
    work.submit("slow", "s1")
    for name in ("q1", "q2", "q3"):
        work.submit("quick", name)
    await settled()
    for name in ("q1", "q2", "q3"):
        await work.finish(name)
    assert work.ended == ["q1", "q2", "q3"]


@in_virtual_time
async def test_lanes_take_turns() -> None:
    """A lane with much to do waits its turn after each job."""
    work = _work(concurrency=1)
    for name in ("a1", "a2", "a3", "b1", "b2", "c1"):
        work.submit(name[0], name)
    for _ in range(6):
        await settled()
        await work.finish(work.started[-1])
    assert work.started == ["a1", "b1", "c1", "a2", "b2", "a3"]


@in_virtual_time
async def test_full_by_count() -> None:
    """Lanes are full while as many jobs as allowed run and wait, and no longer."""
    work = _work(concurrency=1, max_jobs=2)
    story = []
    for name in ("one", "two"):
        work.submit("chat", name)
        await settled()
        story.append((work.lanes.running, _waiting(work.lanes), work.lanes.full))
    await work.finish("one")
    story.append((work.lanes.running, _waiting(work.lanes), work.lanes.full))
    assert story == [(1, 0, False), (1, 1, True), (1, 0, False)]


@in_virtual_time
async def test_full_by_bytes() -> None:
    """Lanes are full while the jobs hold as many bytes as allowed, running ones included."""
    work = _work(max_bytes=10)
    work.submit("one", "big", size=10)
    await settled()
    story = [work.lanes.full]
    await work.finish("big")
    story.append(work.lanes.full)
    assert story == [True, False]


@in_virtual_time
async def test_a_bug_is_kept_and_stops_no_other_lane() -> None:
    """The first exception of a job is raised to the worker; all lanes go on."""
    work = _work()
    for name in ("bad", "after"):
        work.submit("chat", name)
    work.submit("other", "neighbour")
    await settled()
    work.lanes.raise_failure()
    work.gates["bad"].set_exception(KeyError("first"))
    await settled()
    work.gates["neighbour"].set_exception(ValueError("second"))
    await settled()
    assert work.started == ["bad", "neighbour", "after"]
    with pytest.raises(KeyError, match="first"):
        work.lanes.raise_failure()


@in_virtual_time
async def test_a_job_cancelled_by_others_is_a_failure() -> None:
    """A job that ends as cancelled, though the lanes cancelled nothing, is a failure."""
    work = _work()
    work.submit("chat", "one")
    await settled()
    work.gates["one"].cancel()
    await settled()
    with pytest.raises(Abandoned):
        work.lanes.raise_failure()


@in_virtual_time
async def test_drain_waits_for_what_runs() -> None:
    """A drain lasts until the last running job ends; after a stop nothing new starts."""
    work = _work()
    for lane in ("one", "two", "three"):
        work.submit(lane, lane)
    await settled()
    work.lanes.stop()
    work.submit("late", "late")
    loop = asyncio.get_running_loop()
    loop.call_later(2, lambda: work.gates["one"].set_result(None))
    loop.call_later(5, lambda: work.gates["two"].set_result(None))
    assert await work.lanes.drain(10)
    assert loop.time() == pytest.approx(5)
    assert work.started == work.ended == ["one", "two"]
    assert await work.lanes.drain(10)


@in_virtual_time
async def test_drain_gives_up_in_time() -> None:
    """A drain that takes too long says so, and cancels nothing."""
    work = _work()
    work.submit("chat", "one")
    await settled()
    assert not await work.lanes.drain(3)
    assert asyncio.get_running_loop().time() == pytest.approx(3)
    assert work.lanes.running == 1


@in_virtual_time
async def test_cancel_waits_for_the_end() -> None:
    """A cancelled job may put things in order first, and that is no failure."""
    lanes = _work().lanes
    tidied = []

    async def job() -> Outcome:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(2)
            tidied.append(True)
        return Done()

    lanes.submit("chat", job)
    await settled()
    await lanes.cancel()
    await settled()
    assert tidied
    assert lanes.running == 0
    lanes.raise_failure()


@in_virtual_time
async def test_cancel_does_not_wait_for_ever() -> None:
    """A job that will not end when it is cancelled is a failure, reported after a bounded time."""
    lanes = _work().lanes
    stubborn = asyncio.Event()

    async def job() -> Outcome:
        while not stubborn.is_set():
            with suppress(asyncio.CancelledError):
                await stubborn.wait()
        return Done()

    lanes.submit("chat", job)
    await settled()
    await lanes.cancel(seconds=7)
    assert asyncio.get_running_loop().time() == pytest.approx(7)
    with pytest.raises(Abandoned):
        lanes.raise_failure()
    stubborn.set()
    assert await lanes.drain(1)


@in_virtual_time
async def test_one_partition_ends_and_the_others_go_on() -> None:
    """Stop, drain and cancel pick by tag: a chat's jobs of another partition neither wait nor fall."""
    work = _work(concurrency=3)
    for name, tag in (("x1", "p0"), ("x2", "p0"), ("x3", "p1")):
        work.submit("x", name, tag=tag)
    work.submit("y", "y1", tag="p1")
    await settled()
    work.lanes.stop(["p0"])
    assert not await work.lanes.drain(1, ["p0"])
    await work.lanes.cancel(["p0"])
    await settled()
    assert work.started == ["x1", "y1", "x3"]
    assert work.ended == ["x1"]
    work.submit("z", "z1", tag="p0")
    await settled()
    assert work.started[-1] == "z1"


def _stubborn(started: list[str], name: str, *waits: float) -> Callable[[], Awaitable[Outcome]]:
    """Build a job that asks to be run again after these waits."""
    left: list[Outcome] = [*map(Again, waits), Done()]

    async def job() -> Outcome:
        started.append(name)
        return left.pop(0)

    return job


@in_virtual_time
async def test_a_job_that_asks_again_holds_its_lane_and_no_slot() -> None:
    """Until it is run again its chat waits, and all others go on."""
    lanes, started = Lanes(concurrency=1, max_jobs=9, max_bytes=9), list[str]()
    lanes.submit("chat", _stubborn(started, "first", 10.0, 10.0))
    lanes.submit("chat", _stubborn(started, "second"))
    lanes.submit("other", _stubborn(started, "other"))
    await asyncio.sleep(9)
    assert started == ["first", "other"]
    assert (lanes.running, _waiting(lanes)) == (0, 2)
    await asyncio.sleep(2)
    assert started == ["first", "other", "first"]
    await asyncio.sleep(10)
    assert started == ["first", "other", "first", "first", "second"]
    assert (lanes.running, _waiting(lanes), lanes.oldest_seconds()) == (0, 0, None)


@in_virtual_time
async def test_a_job_that_asks_again_counts() -> None:
    """What waits to be run again still fills the lanes, and grows old in them."""
    lanes, started = Lanes(concurrency=1, max_jobs=1, max_bytes=9), list[str]()
    lanes.submit("chat", _stubborn(started, "first", 10.0), size=3)
    await asyncio.sleep(4)
    assert (lanes.full, lanes.oldest_seconds()) == (True, 4.0)
    await asyncio.sleep(7)
    assert not lanes.full


@in_virtual_time
async def test_a_stop_drops_what_asked_again() -> None:
    """After a stop no job with its tag is run again; other tags go on."""
    lanes, started = Lanes(concurrency=3, max_jobs=9, max_bytes=9), list[str]()
    slow = asyncio.Event()

    async def late() -> Outcome:
        started.append("late")
        await slow.wait()
        return Again(1.0)

    lanes.submit("a", _stubborn(started, "early", 5.0), tag="p")
    lanes.submit("b", late, tag="p")
    lanes.submit("c", _stubborn(started, "other", 5.0), tag="q")
    await settled()
    lanes.stop(["p"])
    slow.set()
    await asyncio.sleep(20)
    assert started == ["early", "late", "other", "other"]
    assert (lanes.running, _waiting(lanes), lanes.full) == (0, 0, False)


@dataclass(eq=False)
class Job:
    """One job of the machine."""

    lane: str
    size: int
    tag: str
    gate: asyncio.Future[None] | None = None
    """There once it runs."""
    state: str = "waiting"

    async def run(self) -> Outcome:
        """Wait for an order how to end."""
        self.state = "running"
        self.gate = asyncio.get_running_loop().create_future()
        try:
            await self.gate
        finally:
            self.state = "ended"
        return Done()


class Traffic(RuleBasedStateMachine):
    """Jobs come, end, fail, are dropped and cancelled in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualTimeLoop()
        self.jobs: list[Job] = []
        self.starts: list[Job] = []
        self.ready_since: dict[str, int] = {}
        self.step = 0
        self.stopped = False
        self.failed = False

    @initialize(concurrency=st.integers(1, 3), max_jobs=st.integers(1, 6), max_bytes=st.integers(1, 20))
    def begin(self, concurrency: int, max_jobs: int, max_bytes: int) -> None:
        """Make lanes of any size."""
        self.bounds = concurrency, max_jobs, max_bytes
        self.lanes = Lanes(concurrency=concurrency, max_jobs=max_jobs, max_bytes=max_bytes)

    def of(self, state: str) -> list[Job]:
        """Return the jobs in this state, oldest first."""
        return [job for job in self.jobs if job.state == state]

    def ready(self) -> set[str]:
        """Return the lanes that only lack a slot."""
        return {job.lane for job in self.of("waiting")} - {job.lane for job in self.of("running")}

    def settle(self, change: Callable[[], Awaitable[object]]) -> None:
        """Make a change, and check the turns of the lanes."""
        self.step += 1
        running = set(self.of("running"))

        async def changed() -> None:
            await change()
            await settled()

        self.loop.run_until_complete(changed())
        assert not self.loop.mishaps
        started = [job for job in self.of("running") if job not in running]
        turns = [self.ready_since.get(job.lane, self.step) for job in started]
        self.ready_since = {lane: self.ready_since.get(lane, self.step) for lane in self.ready()}
        for waited in self.ready_since.values():
            assert all(turn <= waited for turn in turns), "a lane was passed over"

    def drop(self, *tags: str) -> None:
        """Note what a stop drops."""
        for job in self.of("waiting"):
            if not tags or job.tag in tags:
                job.state = "dropped"

    @rule(lane=st.sampled_from("abcd"), size=st.integers(0, 9), tag=st.sampled_from("pq"))
    def submit(self, lane: str, size: int, tag: str) -> None:
        """A job comes, even when the lanes are full."""
        job = Job(lane, size, tag, state="dropped" if self.stopped else "waiting")
        self.jobs.append(job)

        async def change() -> None:
            self.lanes.submit(lane, job.run, size=size, tag=tag)

        self.settle(change)

    @precondition(lambda self: self.of("running"))
    @rule(data=st.data(), fails=st.booleans())
    def end(self, data: st.DataObject, *, fails: bool) -> None:
        """A job ends, well or badly."""
        job = data.draw(st.sampled_from(self.of("running")))
        self.failed = self.failed or fails

        async def change() -> None:
            assert job.gate is not None
            if fails:
                job.gate.set_exception(ZeroDivisionError())
            else:
                job.gate.set_result(None)

        self.settle(change)

    @rule(tag=st.sampled_from("pq"))
    def revoke(self, tag: str) -> None:
        """A partition goes: waiting jobs are dropped, running ones cancelled."""
        self.drop(tag)
        runs = any(job.tag == tag for job in self.of("running"))

        async def change() -> None:
            self.lanes.stop([tag])
            assert await self.lanes.drain(1, [tag]) is not runs
            await self.lanes.cancel([tag])

        self.settle(change)
        assert not any(job.tag == tag for job in self.of("running"))

    @rule()
    def stop(self) -> None:
        """The worker ends: nothing starts any more."""
        self.drop()
        self.stopped = True

        async def change() -> None:
            self.lanes.stop()

        self.settle(change)

    @invariant()
    def within_bounds(self) -> None:
        """Never more at once than allowed, never two of one lane."""
        running = self.of("running")
        assert len(running) <= self.bounds[0]
        assert len({job.lane for job in running}) == len(running)

    @invariant()
    def no_slot_is_wasted(self) -> None:
        """While a slot is free, whatever waits does so for its own lane."""
        if len(self.of("running")) < self.bounds[0]:
            assert not self.ready()

    @invariant()
    def in_order(self) -> None:
        """Within a lane nothing runs or has ended that came after something that still waits."""
        for lane in "abcd":
            states = [job.state for job in self.jobs if job.lane == lane and job.state != "dropped"]
            assert states == sorted(states, key=["ended", "running", "waiting"].index)

    @invariant()
    def nothing_is_lost(self) -> None:
        """The lanes know of every job that waits or runs, and of no other."""
        waiting, running = self.of("waiting"), self.of("running")
        assert (_waiting(self.lanes), self.lanes.running) == (len(waiting), len(running))
        assert set(self.lanes._waiting) == {job.lane for job in waiting}
        assert self.lanes._busy == {job.lane for job in running}
        held = waiting + running
        assert self.lanes.full == (len(held) >= self.bounds[1] or sum(job.size for job in held) >= self.bounds[2])

    @invariant()
    def failures_are_told(self) -> None:
        """A failure is raised from the moment a job has failed, and never without one."""
        with pytest.raises(ZeroDivisionError) if self.failed else nullcontext():
            self.lanes.raise_failure()

    def teardown(self) -> None:
        """Stop; the loop must be left with nothing to do."""
        with closing(self.loop):
            self.loop.run_until_complete(self.ended())
            assert not asyncio.all_tasks(self.loop)

    async def ended(self) -> None:
        """Stop, as the worker does."""
        if hasattr(self, "lanes"):
            self.lanes.stop()
            await self.lanes.cancel()
            await settled()
            assert (self.lanes._jobs, self.lanes._running, self.lanes._later) == (0, {}, {})


TestTraffic = Traffic.TestCase
TestTraffic.settings = settings(deadline=None, stateful_step_count=30)
