"""Plays seeds: one, or many over all cores. `python -m tests.simulation.seeds 0 100000` is the long campaign."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeVar

from tests.harness.virtual_time import Deadlock, VirtualTimeLoop
from tests.simulation.mutations import MUTATIONS
from tests.simulation.world import Violation, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor

T = TypeVar("T")

_CHUNK = 50


def play(seed: int) -> str | None:
    """Play one seed; return the violation, or None."""
    loop = _OneThread()
    world = World(seed)
    with _silence(), asyncio.Runner(loop_factory=lambda: loop) as runner:
        try:
            runner.run(_played(world))
        except (Violation, Deadlock, TimeoutError) as broken:
            return f"seed {seed}: {type(broken).__name__}: {broken}"
    return None


class _OneThread(VirtualTimeLoop):
    """Does in its own thread what others do in theirs: thousands of threads would cost more than all that they do."""

    def run_in_executor(self, executor: Executor | None, func: Callable[..., T], *args: object) -> asyncio.Future[T]:
        """Answer in the next turn at the earliest, as a thread would."""
        del executor
        future = self.create_future()
        self.call_soon(self._run, future, partial(func, *args))
        return future

    @staticmethod
    def _run(future: asyncio.Future[T], work: Callable[[], T]) -> None:
        if future.cancelled():
            return
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 (it is raised where the future is awaited)
            future.set_exception(error)


@contextmanager
def _silence() -> Iterator[None]:
    """Log nothing in the block."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


async def _played(world: World) -> None:
    try:
        await world.play()
    finally:
        for process, _, _ in world.processes:
            process.vanish()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for _ in range(3):
            for task in others:
                task.cancel()
            await asyncio.wait(others, timeout=30) if others else None
            others = {task for task in others if not task.done()}


def play_many(seeds: Sequence[int], mutation: str | None = None) -> list[str]:
    """Play seeds over all cores; return the violations."""
    chunks = [seeds[start : start + _CHUNK] for start in range(0, len(seeds), _CHUNK)]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        return [each for found in pool.map(partial(_play_chunk, mutation), chunks) for each in found]


def first_caught(mutation: str, seeds: Sequence[int]) -> tuple[int, str] | None:
    """Play seeds under a broken rule until one shows it; return how many it took, and the violation."""
    with MUTATIONS[mutation]():
        for number, seed in enumerate(seeds, start=1):
            found = play(seed)
            if found is not None:
                return number, found
    return None


def _play_chunk(mutation: str | None, seeds: Sequence[int]) -> list[str]:
    if mutation is None:
        return [found for seed in seeds if (found := play(seed))]
    with MUTATIONS[mutation]():
        return [found for seed in seeds if (found := play(seed))]


def main() -> None:
    """Play the seeds from the first argument up to the second; with a third, under that broken rule."""
    first, last = int(sys.argv[1]), int(sys.argv[2])
    begun = time.monotonic()
    found = play_many(range(first, last), *sys.argv[3:4])
    for each in found:
        sys.stdout.write(f"{each}\n")
    seconds = time.monotonic() - begun
    sys.stdout.write(f"{last - first} seeds in {seconds:.0f} s, {len(found)} with a violation\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
