"""Decode and encode, ours and the bare ffmpeg run that does the same: wall and CPU, medians in milliseconds."""

from __future__ import annotations

import asyncio
import resource
import time
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from audio.clip import WAV_RATE, Clip, pcm_of
from audio.formats import sniff
from audio.streaming_decode import STREAMABLE
from audio.transcode import Transcoder
from tests.benchmarks import bare
from tests.benchmarks.report import Section
from tests.harness.paths import MEMOS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

FILES = ("en-call-me.caf", "en-weather.m4a", "en-long.opus")
PIECE_BYTES = 8192
COMING_SECONDS = 0.1
"""A download, where a recording is decoded ahead."""


@dataclass(frozen=True)
class Cost:
    """Costs of one run."""

    wall: float
    cpu: float
    """CPU time of this process and its children."""


async def measure(rounds: int) -> Section:
    """Let our codecs and bare runs take turns."""
    section = Section("codecs", "codecs, and bare ffmpeg (median ms of alternating runs)")
    section.columns = ("", "stage", "wall", "bare", "ratio", "CPU", "bare CPU", "CPU ratio")
    transcoder = Transcoder()
    for name in FILES:
        data = (MEMOS / name).read_bytes()
        clip = Clip(data, sniff(data))
        wav = await transcoder.decode(clip)
        pcm = pcm_of(wav)

        decode = await _compare(rounds, partial(transcoder.decode, clip), partial(bare.decode, MEMOS / name))
        encode = await _compare(rounds, partial(_encode, transcoder, pcm), partial(bare.encode, pcm, WAV_RATE))
        section.rows += [_row(name, "decode", *decode), _row(name, "encode", *encode)]
        if clip.format in STREAMABLE:
            ahead = [await _decode_ahead(transcoder, clip) for _ in range(rounds)]
            section.rows.append(_row(name, f"decode, from the last byte of {COMING_SECONDS:g} s", ahead, decode[1]))
    return section


async def _decode_ahead(transcoder: Transcoder, clip: Clip) -> Cost:
    """Decode a recording that takes a while to come; its wall time begins when all of it is there."""
    cpu, pieces = _cpu(), range(0, len(clip.data), len(clip.data) // 20)
    async with transcoder.ahead() as ahead:
        ahead.begin()
        for start in pieces:
            ahead.take(clip.data[start : start + pieces.step])
            await asyncio.sleep(COMING_SECONDS / len(pieces))
        wall = time.perf_counter()
        await transcoder.decode(clip, ahead)
        return Cost(time.perf_counter() - wall, _cpu() - cpu)


async def _encode(transcoder: Transcoder, pcm: bytes) -> Clip:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(pcm), PIECE_BYTES):
            yield pcm[start : start + PIECE_BYTES]

    return await transcoder.encode(pieces(), sample_rate=WAV_RATE)


async def _compare(
    rounds: int, ours: Callable[[], Awaitable[object]], bare_run: Callable[[], object]
) -> tuple[list[Cost], list[Cost]]:
    our_costs, bare_costs = [], []
    for _ in range(rounds):
        our_costs.append(await _cost(ours))
        bare_costs.append(await _cost(lambda: asyncio.to_thread(bare_run)))
    return our_costs, bare_costs


async def _cost(work: Callable[[], Awaitable[object]]) -> Cost:
    wall, cpu = time.perf_counter(), _cpu()
    await work()
    return Cost(time.perf_counter() - wall, _cpu() - cpu)


def _cpu() -> float:
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _row(name: str, stage: str, ours: list[Cost], bare: list[Cost]) -> Sequence[str | float]:
    wall, bare_wall = (median(cost.wall for cost in costs) * 1000 for costs in (ours, bare))
    cpu, bare_cpu = (median(cost.cpu for cost in costs) * 1000 for costs in (ours, bare))
    return (name, stage, wall, bare_wall, wall / bare_wall, cpu, bare_cpu, cpu / bare_cpu)
