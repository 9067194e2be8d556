"""CPU seconds a memo, worker and children, compared with the two bare ffmpeg runs that it cannot do without."""

from __future__ import annotations

import asyncio
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.bare import Pair, samples
from tests.benchmarks.processes import cpu_seconds
from tests.benchmarks.published import PUBLISHED
from tests.benchmarks.report import Section, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.pace import Speed
    from tests.benchmarks.worker import MeasuredWorker
    from tests.benchmarks.world import World

_BARE_RUNS = 8
_LIMIT = 1.3


async def measure(world: World, *, rounds: int, memos: int) -> Section:
    """Let voicememo and bare ffmpeg take turns, for so many rounds, voicememo with so many memos at once."""
    kept_in_s3 = await world.worker()
    kept_on_disk = await world.worker(ARCHIVE_URL=f"file:{world.folder}/kept")
    plain = await world.sequential()
    await world.pace({})
    await asyncio.gather(*(world.warm(worker) for worker in (kept_in_s3, kept_on_disk, plain)))
    pair = await pair_of(world, kept_in_s3)
    kinds: Mapping[str, tuple[MeasuredWorker, Mapping[str, Speed], int]] = {
        "voicememo, instant services, archive in S3": (kept_in_s3, {}, memos),
        "voicememo, instant services, archive on disk": (kept_on_disk, {}, memos),
        "voicememo, published pace, archive in S3": (kept_in_s3, PUBLISHED, memos),
        "sequential worker, instant services": (plain, {}, 4),
    }
    bare, took = [], {name: [] for name in kinds}  # type: ignore[var-annotated] # lists of seconds
    for _ in range(rounds):
        for name, (worker, speeds, count) in kinds.items():
            bare.append(await pair.cpu_seconds(_BARE_RUNS))
            await world.pace(speeds)
            took[name].append(await _cpu(world, worker, count))
    least = median(bare)
    section = Section("cpu", f"CPU a memo, worker and children, {memos} at once, {rounds} rounds (ms)")
    section.columns = ("", "median", "least", "most", "÷ bare")
    section.rows.append(("two bare ffmpeg runs", least * 1000, min(bare) * 1000, max(bare) * 1000, 1.0))
    for name, each in took.items():
        seconds = median(each)
        section.rows.append((name, seconds * 1000, min(each) * 1000, max(each) * 1000, seconds / least))
        if name.startswith("voicememo"):
            section.verdicts.append(Verdict(name, seconds / least, _LIMIT))
    for worker in (kept_in_s3, kept_on_disk, plain):
        section.notes += [f"trouble: {count} × {what}" for what, count in worker.troubles.items()]
        await worker.stop()
    return section


async def pair_of(world: World, worker: MeasuredWorker) -> Pair:
    """Make the bare runs of the same clips: the memo that all carry, and a reply as it was sent."""
    message = await world.put(worker)
    await world.answered([message])
    m4a = await world.audio(world.sent[message])
    return Pair(world.memo, await asyncio.to_thread(samples, m4a))


async def _cpu(world: World, worker: MeasuredWorker, count: int) -> float:
    """Give the CPU seconds of one of so many memos that are put at once."""
    before = cpu_seconds(worker.pid)
    await world.answered([await world.put(worker) for _ in range(count)])
    await asyncio.sleep(0.5)  # background work after the last reply counts, too
    return (cpu_seconds(worker.pid) - before) / count
