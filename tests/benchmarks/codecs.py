"""Decode and encode, ours beside the bare ffmpeg run that does the same: wall and CPU, medians in milliseconds."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import imageio_ffmpeg

from audio.clip import Clip
from audio.formats import sniff
from audio.transcode import WAV_RATE, Transcoder, pcm_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

MEMOS = Path(__file__).parent.parent.parent / "fixtures" / "memos"
FILES = ("en-call-me.caf", "en-weather.m4a", "en-long.opus")
PIECE_BYTES = 8192


@dataclass(frozen=True)
class Cost:
    """Of one run."""

    wall: float
    cpu: float
    """Of this process and its children."""


async def measure(rounds: int) -> list[str]:
    """Give the table."""
    lines = ["codecs, beside bare ffmpeg (median ms of alternating runs)"]
    lines.append(f"  {'clip':<16}{'stage':<8}{'wall':>8}{'bare':>8}{'ratio':>7}{'cpu':>8}{'bare':>8}{'ratio':>7}")
    transcoder = Transcoder()
    for name in FILES:
        data = (MEMOS / name).read_bytes()
        clip = Clip(data, sniff(data))
        wav = await transcoder.decode(clip)
        pcm = pcm_of(wav)

        decode = await _compare(rounds, partial(transcoder.decode, clip), _bare_decode(MEMOS / name))
        encode = await _compare(rounds, partial(_encode, transcoder, pcm), _bare_encode(pcm))
        lines += [_row(name, "decode", *decode), _row(name, "encode", *encode)]
    return lines


async def _encode(transcoder: Transcoder, pcm: bytes) -> Clip:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(pcm), PIECE_BYTES):
            yield pcm[start : start + PIECE_BYTES]

    return await transcoder.encode(pieces(), sample_rate=WAV_RATE)


async def _compare(
    rounds: int, ours: Callable[[], Awaitable[object]], bare: Callable[[], None]
) -> tuple[list[Cost], list[Cost]]:
    our_costs, bare_costs = [], []
    for _ in range(rounds):
        our_costs.append(await _cost(ours))
        bare_costs.append(await _cost(lambda: asyncio.to_thread(bare)))
    return our_costs, bare_costs


async def _cost(work: Callable[[], Awaitable[object]]) -> Cost:
    wall, cpu = time.perf_counter(), _cpu()
    await work()
    return Cost(time.perf_counter() - wall, _cpu() - cpu)


def _cpu() -> float:
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _bare_decode(path: Path) -> Callable[[], None]:
    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            _ffmpeg("-i", str(path), "-ac", "1", "-ar", str(WAV_RATE), f"{folder}/out.wav")

    return run


def _bare_encode(pcm: bytes) -> Callable[[], None]:
    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            given = ["-f", "s16le", "-ar", str(WAV_RATE), "-ac", "1", "-i", "-"]
            coded = ["-c:a", "aac", "-aac_coder", "fast", "-b:a", "64k", "-movflags", "+faststart"]
            _ffmpeg(*given, *coded, f"{folder}/out.m4a", given=pcm)

    return run


def _ffmpeg(*arguments: str, given: bytes | None = None) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-threads", "1", *arguments]
    subprocess.run(command, input=given, check=True)  # noqa: S603 (our own command)


def _row(name: str, stage: str, ours: list[Cost], bare: list[Cost]) -> str:
    wall, bare_wall = (median(cost.wall for cost in costs) * 1000 for costs in (ours, bare))
    cpu, bare_cpu = (median(cost.cpu for cost in costs) * 1000 for costs in (ours, bare))
    return (
        f"  {name:<16}{stage:<8}{wall:>8.1f}{bare_wall:>8.1f}{wall / bare_wall:>7.2f}"
        f"{cpu:>8.1f}{bare_cpu:>8.1f}{cpu / bare_cpu:>7.2f}"
    )
