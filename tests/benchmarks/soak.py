"""Thousands of memos through one worker: its memory stays flat, and no process, file or socket is left behind."""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.processes import children, footprint, is_alive
from tests.benchmarks.report import Section, Verdict

if TYPE_CHECKING:
    from tests.benchmarks.processes import Footprint
    from tests.benchmarks.worker import MeasuredWorker
    from tests.benchmarks.world import World

_AT_ONCE = 24
_LOOK_EVERY = 250
_QUIET_SECONDS = 8.0
"""After which unneeded connections are closed."""
_GROWTH = 1.05
_MEGABYTE = 1_000_000


async def measure(world: World, *, memos: int) -> Section:
    """Let a worker answer so many memos, a few dozen at once."""
    await world.pace({})
    worker = await world.worker()
    await world.warm(worker, 20)
    await asyncio.sleep(_QUIET_SECONDS)
    rested = footprint(worker.pid)
    section = Section("soak", f"{memos:,} memos through one worker, {_AT_ONCE} at once")
    section.columns = ("memos", "RSS MB", "files", "sockets", "children", "memos a second")
    section.rows.append(("none yet", *_row(rested), ""))
    looks = await _answered(world, worker, memos, section)
    await asyncio.sleep(_QUIET_SECONDS)
    after = footprint(worker.pid)
    section.rows.append(("at rest", *_row(after), ""))
    fifth = max(1, len(looks) // 5)
    early, late = looks[fifth : 2 * fifth], looks[-fifth:]
    growth = median(look.rss_bytes for look in late) / median(look.rss_bytes for look in early)
    section.verdicts = [
        Verdict("RSS, the last fifth ÷ the second", growth, _GROWTH),
        Verdict("files more than at rest before", _files(after) - _files(rested), 0),
        Verdict("sockets, the most of the last fifth − of the second", _sockets(late) - _sockets(early), _AT_ONCE),
        Verdict("children left", after.children, 0),
        Verdict("troubles told", worker.troubles.total(), 0),
        *await _left(world, worker),
    ]
    section.notes += [f"trouble: {count} × {what}" for what, count in worker.troubles.items()]
    return section


async def _answered(world: World, worker: MeasuredWorker, memos: int, section: Section) -> list[Footprint]:
    looks = []
    for done in range(0, memos, _LOOK_EVERY):
        begun, slots = time.perf_counter(), asyncio.Semaphore(_AT_ONCE)
        count = min(_LOOK_EVERY, memos - done)
        await asyncio.gather(*(_one(world, worker, slots) for _ in range(count)))
        looks.append(footprint(worker.pid))
        section.rows.append((f"{done + count:,}", *_row(looks[-1]), count / (time.perf_counter() - begun)))
    return looks


async def _one(world: World, worker: MeasuredWorker, slots: asyncio.Semaphore) -> None:
    async with slots:
        await world.answered([await world.put(worker)])


async def _left(world: World, worker: MeasuredWorker) -> list[Verdict]:
    """Stop the worker, and look for what it leaves."""
    family = children(worker.pid)
    status = await worker.stop()
    folder = world.folder / worker.topic
    files = [path for place in ("scratch", "owed") for path in (folder / place).rglob("*") if path.is_file()]
    alive = [pid for pid in family if is_alive(pid)]
    return [
        Verdict("exit status after SIGTERM", status, 0),
        Verdict("temporary files and owed uploads left", len(files), 0),
        Verdict("processes left", len(alive), 0),
    ]


def _files(look: Footprint) -> int:
    """Count the files that are no sockets: of those, services keep some open for the next memo."""
    return look.files - look.sockets


def _sockets(looks: list[Footprint]) -> int:
    return max(look.sockets for look in looks)


def _row(look: Footprint) -> tuple[int, int, int, int]:
    return round(look.rss_bytes / _MEGABYTE), look.files, look.sockets, look.children
