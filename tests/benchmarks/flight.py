"""Many memos in flight at services that take four seconds: what each waits, compared with one alone; memory and stalls.

Memos arrive evenly, so many in four seconds that the named number is in flight all the time, if each takes no longer
than it would alone; more than that the worker does not take. The clips are short, for it is not codecs that are to be
measured here. Where the codecs alone need more than the machine has, that cannot be, and is not judged.
"""

from __future__ import annotations

import asyncio
import os
import time
from statistics import median
from typing import TYPE_CHECKING

from sandbox.pace import Speed
from tests.benchmarks.cpu import pair_of
from tests.benchmarks.processes import cpu_seconds, family_rss_bytes, peak_rss_bytes
from tests.benchmarks.report import Section, Verdict, quantile
from tests.benchmarks.stalls import Stalls

if TYPE_CHECKING:
    from tests.benchmarks.bare import Pair
    from tests.benchmarks.worker import MeasuredWorker
    from tests.benchmarks.world import World

MEMO_SECONDS = 5.0
REPLY = "Yes, please do that."
"""Short, for the soak as well: the upstreams keep every reply that they are sent."""
SLOW = {"whisper": Speed(first_seconds=2), "llama": Speed(first_seconds=1), "elevenlabs": Speed(first_seconds=1)}
"""Four seconds in all."""
SLOW_SECONDS = 4.0
FILLED = 0.8
"""Share of all cores that the codecs may need at most: with more no worker could keep up."""
_ALONE = 5
_MEGABYTE = 1_000_000
_SAMPLE_SECONDS = 0.25


async def measure(world: World, *, numbers: tuple[int, ...] = (16, 64, 256)) -> Section:
    """Let one worker answer each number of memos in flight, and a few one by one before."""
    section = Section("flight", "in flight at 4 s of upstreams: memo in → voice out (s)")
    section.columns = (
        "", "p50", "p95", "p99", "p95 ÷ alone", "codecs of cores", "CPU ms", "RSS MB", "with ffmpegs",
        "stalls p99.9 ms", "longest ms",
    )  # fmt: skip
    await world.pace({})
    probe = await world.worker()
    await world.warm(probe)
    pair = await pair_of(world, probe)
    await probe.stop()
    await world.pace(SLOW)
    alone = await _Flight(world, pair).one_by_one(section)
    for number in numbers:
        await _Flight(world, pair).many(section, number, alone)
    return section


class _Flight:
    """One worker, and the memos that it has."""

    def __init__(self, world: World, pair: Pair) -> None:
        self._world = world
        self._pair = pair
        self._most_bytes = 0

    async def one_by_one(self, section: Section) -> float:
        """Give what a memo waits that is alone."""
        worker = await self._started(1)
        before = await self._reading(worker)
        waited = []
        for _ in range(_ALONE):
            message = await self._world.put(worker)
            await self._world.answered([message])
            waited.append(self._waited(worker, message))
        await self._ended(section, worker, "one alone", waited, before, filled=0.0)
        return median(waited)

    async def many(self, section: Section, number: int, alone: float) -> None:
        """Keep so many in flight, twice over."""
        worker = await self._started(number)
        codecs = await self._pair.cpu_seconds(3) * number / SLOW_SECONDS / (os.cpu_count() or 1)
        before = await self._reading(worker)
        watching = asyncio.create_task(self._watch(worker))
        messages, begun = [], time.perf_counter()
        for count in range(2 * number):
            await asyncio.sleep(max(0.0, begun + count * SLOW_SECONDS / number - time.perf_counter()))
            messages.append(await self._world.put(worker))
        await self._world.answered(messages)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        waited = [self._waited(worker, message) for message in messages]
        peak = await self._ended(section, worker, f"{number} in flight", waited, before, filled=codecs, alone=alone)
        excuse = f"the codecs alone need {codecs:.0%} of all cores" if codecs > FILLED else None
        ratio = quantile(waited, 0.95) / alone
        section.verdicts.append(Verdict(f"{number} in flight, p95 ÷ one alone", ratio, 1.25, excuse=excuse))
        section.verdicts.append(Verdict(f"{number} in flight, peak RSS in MB", peak / _MEGABYTE, 300))

    async def _started(self, at_once: int) -> MeasuredWorker:
        worker = await self._world.worker(WORKER_CONCURRENCY=str(at_once))
        await self._world.warm(worker)
        return worker

    async def _reading(self, worker: MeasuredWorker) -> tuple[float, Stalls]:
        return cpu_seconds(worker.pid), Stalls.read(await self._world.metrics(worker))

    def _waited(self, worker: MeasuredWorker, message: str) -> float:
        return self._world.sent[message].at - worker.taken[message]

    async def _watch(self, worker: MeasuredWorker) -> None:
        while True:
            self._most_bytes = max(self._most_bytes, await asyncio.to_thread(family_rss_bytes, worker.pid))
            await asyncio.sleep(_SAMPLE_SECONDS)

    async def _ended(
        self,
        section: Section,
        worker: MeasuredWorker,
        name: str,
        waited: list[float],
        before: tuple[float, Stalls],
        *,
        filled: float,
        alone: float | None = None,
    ) -> int:
        """Write the row; give the worker's peak memory in bytes."""
        cpu, stalls = before
        cpu_after, stalls_after = await self._reading(worker)
        stalls = stalls_after.since(stalls)
        peak = peak_rss_bytes(worker.pid)
        p50, p95, p99 = (quantile(waited, share) for share in (0.5, 0.95, 0.99))
        ratio = "" if alone is None else p95 / alone
        memory = (round(peak / _MEGABYTE), round(self._most_bytes / _MEGABYTE) or "")
        late = (f"≤ {stalls.quantile(0.999) * 1000:g}", f"≤ {stalls.quantile(1) * 1000:g}")
        each = (cpu_after - cpu) / len(waited) * 1000
        section.rows.append((name, p50, p95, p99, ratio, f"{filled:.0%}", round(each), *memory, *late))
        section.notes += [f"trouble ({name}): {count} × {what}" for what, count in worker.troubles.items()]
        await worker.stop()
        return peak
