"""More workers, more memos: one to four workers of one consumer group, on a topic of a real Kafka.

Each worker has so many memos at once as its setting allows (WORKER_CONCURRENCY), and upstreams take four seconds a
memo: so what one worker does alone is known, and what several do is as many times that, until the codecs fill the
cores. The memos lie on the topic when the workers begin, in many chats, as many of them in each partition; each chat
has two, so that an order is there to be broken.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiokafka.partitioner import DefaultPartitioner

from tests.benchmarks.cpu import pair_of
from tests.benchmarks.flight import FILLED, SLOW, SLOW_SECONDS
from tests.benchmarks.processes import busy_seconds, cpu_seconds
from tests.benchmarks.report import Section, Verdict, quantile
from tests.benchmarks.stalls import sum_of
from tests.benchmarks.throughput import disorder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.worker import MeasuredWorker
    from tests.benchmarks.world import World

PARTITIONS = 12
"""As many for each worker, be there one, two, three or four."""
AT_ONCE = 4
"""Memos that a worker has in flight, where it is its setting that holds it back."""
_MANY_AT_ONCE = 32
"""The same where it is the cores."""
_LINEAR = 0.9
"""Least share of what so many workers would do if none took anything from another."""
_MEMOS_A_CHAT = 2
_ROUNDS = 12
"""Times that each worker refills its slots."""
_FEWER_ROUNDS = 3
_BARE_PAIRS = 24
_LOOK_SECONDS = 0.1
_JOIN_SECONDS = 60.0
_QUIET_SECONDS = 1.0
"""For background work after the last reply, and a second reply if there should be any."""


@dataclass(frozen=True, slots=True)
class Run:
    """What so many workers did."""

    workers: int
    at_once: int
    memos: int
    seconds: float
    """From the first put to the last reply."""
    waited: Sequence[float]
    """From the worker that takes a memo to the voice that is out, for each memo, in seconds."""
    shares: Sequence[int]
    """Memos of each worker."""
    cpu_seconds: float
    """CPU time of the workers and their children."""
    busy_seconds: float
    """CPU time of everything on the machine."""
    disordered: int
    troubles: Sequence[tuple[str, int]]

    @property
    def per_second(self) -> float:
        """Memos a second."""
        return self.memos / self.seconds

    def share(self, cpu_seconds: float) -> float:
        """Give what CPU seconds are of all cores, while it ran."""
        return cpu_seconds / self.seconds / (os.cpu_count() or 1)


async def measure(world: World, *, numbers: Sequence[int] = (1, 2, 3, 4)) -> Section:
    """Let so many workers share a group, one number after the other; the most of them once more, without restraint."""
    probe = await world.worker()
    await world.warm(probe)
    pair = await pair_of(world, probe)
    pair_seconds, pairs_per_second = await pair.cpu_seconds(_BARE_PAIRS // 3), await pair.per_second(_BARE_PAIRS)
    await probe.stop()
    runs = [await run(world, number, AT_ONCE, _ROUNDS) for number in numbers]
    runs.append(await run(world, numbers[-1], _MANY_AT_ONCE, _FEWER_ROUNDS))
    return table(runs, pair_seconds, pairs_per_second)


async def run(world: World, number: int, at_once: int, rounds: int) -> Run:
    """Have a group of so many workers answer as many memos as fill their slots so many times."""
    topic = await world.topic(partitions=PARTITIONS)
    workers = [await world.worker(topic=topic, WORKER_CONCURRENCY=str(at_once)) for _ in range(number)]
    await _shared_out(world, workers)
    await world.pace({})
    await world.answered(itertools.chain(*await _put(world, workers[0], chats_of("w", number), 1)))
    await world.pace(SLOW)
    for worker in workers:
        worker.taken.clear()
        worker.troubles.clear()  # those that join a group disturb each other, and say so
    chats = chats_of(topic.replace("-", ""), number * at_once * rounds // PARTITIONS // _MEMOS_A_CHAT)
    cpu, busy, begun = _cpu_seconds(workers), busy_seconds(), time.time()
    messages = await _put(world, workers[0], chats, _MEMOS_A_CHAT)
    everything = list(itertools.chain(*messages))
    await world.answered(everything, patience_seconds=rounds * SLOW_SECONDS * number + _JOIN_SECONDS)
    seconds = max(world.sent[message].at for message in everything) - begun
    cpu, busy = _cpu_seconds(workers) - cpu, busy_seconds() - busy
    await asyncio.sleep(_QUIET_SECONDS)
    await world.look()
    taken = {message: at for worker in workers for message, at in worker.taken.items()}
    await asyncio.gather(*(worker.stop() for worker in workers))
    return Run(
        number,
        at_once,
        len(everything),
        seconds,
        [world.sent[message].at - taken[message] for message in everything],
        [len(worker.taken) for worker in workers],
        cpu,
        busy,
        sum(disorder(world, chat) for chat in messages),
        [trouble for worker in workers for trouble in worker.troubles.items()],
    )


def table(runs: Sequence[Run], pair_seconds: float, pairs_per_second: float) -> Section:
    """Show the runs compared with the first one, which is of one worker.

    Args:
        runs: the last one is that in which nothing but the cores holds the workers back.
        pair_seconds: CPU seconds of the two bare codecs for one memo.
        pairs_per_second: how often all cores do the two in a second.
    """
    section = Section("scale", f"workers of one group, {PARTITIONS} partitions of a real Kafka, 4 s of upstreams")
    section.columns = (
        "", "memos", "a second", "÷ one worker", "p50", "p95", "workers of cores", "codecs alone", "all that runs",
        "wrong",
    )  # fmt: skip
    one = runs[0].per_second
    for each in runs:
        codecs = each.share(pair_seconds * each.memos)
        wrong = each.disordered + sum(count for _, count in each.troubles)
        workers = f"{each.workers} worker" + "s" * (each.workers > 1)
        waits = (quantile(each.waited, 0.5), quantile(each.waited, 0.95))
        shares = (f"{share:.0%}" for share in (each.share(each.cpu_seconds), codecs, each.share(each.busy_seconds)))
        ratio = each.per_second / one
        section.rows.append(
            (f"{workers}, {each.at_once} at once each", each.memos, each.per_second, ratio, *waits, *shares, wrong)
        )
        section.verdicts.append(Verdict(f"{workers}, {each.at_once} at once: errors, replies out of order", wrong, 0))
        if each is not runs[-1] and each is not runs[0]:
            excuse = f"the codecs alone need {codecs:.0%} of all cores" if codecs > FILLED else None
            least = _LINEAR * each.workers
            section.verdicts.append(Verdict(f"{workers} ÷ one", ratio, least, at_least=True, excuse=excuse))
        section.notes.append(f"{workers}, {each.at_once} at once: memos of each: {', '.join(map(str, each.shares))}")
        section.notes += [f"trouble ({workers}): {count} × {what}" for what, count in each.troubles]
    section.notes.append(f"one worker can do at most {AT_ONCE / SLOW_SECONDS:.2f} a second: {AT_ONCE} in 4 s")
    section.notes.append(f"the two codecs alone, on all cores: {pairs_per_second:.1f} a second")
    section.notes.append("a memo that is answered twice ends the run; none was")
    return section


def chats_of(prefix: str, each: int) -> list[str]:
    """Name chats, so many of them in each partition, by turns."""
    partitioner, everywhere = DefaultPartitioner(), list(range(PARTITIONS))
    found: dict[int, list[str]] = {partition: [] for partition in everywhere}
    names = (f"{prefix}x{number}" for number in itertools.count())
    while any(len(chats) < each for chats in found.values()):
        chat = next(names)
        mine = found[partitioner(chat.encode(), everywhere, everywhere)]
        if len(mine) < each:
            mine.append(chat)
    return list(itertools.chain.from_iterable(zip(*found.values(), strict=True)))


async def _put(world: World, worker: MeasuredWorker, chats: Sequence[str], times: int) -> list[list[str]]:
    """Put a memo of each chat, so many times over; give the ids of each chat's memos."""
    messages: list[list[str]] = [[] for _ in chats]
    for _ in range(times):
        for chat, ids in zip(chats, messages, strict=True):
            ids.append(await world.put(worker, chat=chat))
    return messages


def _cpu_seconds(workers: Sequence[MeasuredWorker]) -> float:
    return sum(cpu_seconds(worker.pid) for worker in workers)


async def _shared_out(world: World, workers: Sequence[MeasuredWorker]) -> None:
    """Wait until each worker has its share of the partitions."""
    async with asyncio.timeout(_JOIN_SECONDS):
        shares = [0.0]
        while set(shares) != {PARTITIONS / len(workers)}:
            await asyncio.sleep(_LOOK_SECONDS)
            shares = [await _partitions(world, worker) for worker in workers]


async def _partitions(world: World, worker: MeasuredWorker) -> float:
    try:
        return sum_of(await world.metrics(worker), "voicememo_partitions")
    except OSError:  # it is not up yet
        return 0.0
