"""Memos a second with instant services, and what the two codecs alone reach on all cores of the machine."""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.cpu import pair_of
from tests.benchmarks.processes import cpu_seconds
from tests.benchmarks.report import Section, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.worker import MeasuredWorker
    from tests.benchmarks.world import World

_LIMIT = 0.8
_CHATS = 24
_BARE_PAIRS = 24


async def measure(world: World, *, rounds: int, memos: int) -> Section:
    """Let bare ffmpeg and voicememo take turns; voicememo has so many memos in a few dozen chats each time."""
    await world.pace({})
    worker = await world.worker()
    await world.warm(worker)
    pair = await pair_of(world, worker)
    bare, ours, shares, others = [], [], [], []
    disordered = 0
    for _ in range(rounds):
        bare.append(await pair.per_second(_BARE_PAIRS))
        run = _Run(world, worker)
        ours.append(await run.per_second(memos))
        shares.append(run.worker_share)
        others.append(run.others_share)
        disordered += run.disordered
    section = Section(
        "throughput", f"memos a second, instant services, {memos} memos in {_CHATS} chats, {rounds} rounds"
    )
    section.columns = ("", "median", "least", "most", "÷ codecs", "of all cores")
    best = median(bare)
    section.rows.append(("the two codecs alone, on all cores", best, min(bare), max(bare), 1.0, ""))
    section.rows.append(("voicememo", median(ours), min(ours), max(ours), median(ours) / best, f"{median(shares):.0%}"))
    section.rows.append(("upstreams and broker, meanwhile", "", "", "", "", f"{median(others):.0%}"))
    section.notes.append(f"replies out of their chat's order: {disordered}; troubles told: {worker.troubles.total()}")
    section.notes += [f"trouble: {count} × {what}" for what, count in worker.troubles.items()]
    section.verdicts = [
        Verdict("voicememo ÷ the codecs alone", median(ours) / best, _LIMIT, at_least=True),
        Verdict(
            "the same, of the cores that upstreams and broker leave",
            median(ours) / best / (1 - median(others)),
            _LIMIT,
            at_least=True,
        ),
        Verdict("errors, and replies out of order", disordered + worker.troubles.total(), 0),
    ]
    await worker.stop()
    return section


class _Run:
    """One burst of memos."""

    def __init__(self, world: World, worker: MeasuredWorker) -> None:
        self._world = world
        self._worker = worker
        self.worker_share = 0.0
        """Share of all cores that the worker and its children used meanwhile."""
        self.others_share = 0.0
        """The same for the upstreams, and for us: the broker is in our process."""
        self.disordered = 0

    async def per_second(self, memos: int) -> float:
        """Put so many memos, and give how many were answered in a second, from the first put to the last reply."""
        cpu, others, begun = cpu_seconds(self._worker.pid), self._others(), time.time()
        chats = defaultdict(list)
        for number in range(memos):
            chat = f"t{begun:.0f}x{number % _CHATS}"
            chats[chat].append(await self._world.put(self._worker, chat=chat))
        messages = [message for chat in chats.values() for message in chat]
        await self._world.answered(messages)
        wall = max(self._world.sent[message].at for message in messages) - begun
        cores = (os.cpu_count() or 1) * wall
        self.worker_share = (cpu_seconds(self._worker.pid) - cpu) / cores
        self.others_share = (self._others() - others) / cores
        self.disordered = sum(disorder(self._world, chat) for chat in chats.values())
        await asyncio.sleep(0.5)  # for background work after the last reply
        return memos / wall

    def _others(self) -> float:
        ours = os.times()
        return cpu_seconds(self._world.upstream_pid) + ours.user + ours.system


def disorder(world: World, messages: Sequence[str]) -> int:
    """Count the replies of a chat that went out before an earlier one."""
    numbers = [world.sent[message].number for message in messages]
    return sum(earlier > later for earlier, later in pairwise(numbers))
