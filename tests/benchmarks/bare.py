"""Bare ffmpeg runs: what cannot be had cheaper, with the binary and the settings that voicememo uses."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import imageio_ffmpeg

from audio.clip import WAV_RATE

SPEECH_RATE = 24_000
"""Sample rate of the voices' PCM, in Hz."""
CODER = "fast"
BIT_RATE = "64k"
"""As audio/ffmpeg_commands.py has them."""
_CODERS = re.compile(r"^  -aac_coder .*\n((?:     +\S+ .*\n)+)", re.MULTILINE)


def decode(path: Path) -> None:
    """Make a WAV of a recording, as voicememo listens to it."""
    with tempfile.TemporaryDirectory() as folder:
        ffmpeg("-i", str(path), "-ac", "1", "-ar", str(WAV_RATE), f"{folder}/out.wav")


def encode(pcm: bytes, sample_rate: int = SPEECH_RATE, *, coder: str = CODER, bit_rate: str = BIT_RATE) -> bytes:
    """Make an M4A of mono s16le PCM: as voicememo sends it, unless something else is asked for."""
    with tempfile.TemporaryDirectory() as folder:
        given = ["-f", "s16le", "-ar", str(sample_rate), "-ac", "1", "-i", "-"]
        coded = ["-c:a", "aac", "-aac_coder", coder, "-b:a", bit_rate, "-movflags", "+faststart"]
        ffmpeg(*given, *coded, f"{folder}/out.m4a", given=pcm)
        return Path(f"{folder}/out.m4a").read_bytes()


def samples(m4a: bytes) -> bytes:
    """Give the PCM (mono s16le, SPEECH_RATE) of a reply that was sent."""
    with tempfile.NamedTemporaryFile(suffix=".m4a") as file:
        file.write(m4a)
        file.flush()
        return speech(Path(file.name))


def speech(path: Path) -> bytes:
    """Give the PCM (mono s16le, SPEECH_RATE) of a recording."""
    return ffmpeg("-i", str(path), "-ac", "1", "-ar", str(SPEECH_RATE), "-f", "s16le", "-")


def coders() -> list[str]:
    """Name the ways in which this ffmpeg can choose what AAC leaves out."""
    told = _CODERS.search(ffmpeg("-hide_banner", "-h", "encoder=aac").decode())
    return [line.split()[0] for line in told[1].splitlines()] if told else []


def ffmpeg(*arguments: str, given: bytes | None = None) -> bytes:
    """Run it with one thread; give what it writes to standard output."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-threads", "1", *arguments]
    return subprocess.run(command, input=given, check=True, stdout=subprocess.PIPE).stdout  # noqa: S603 (our own command)


class Pair:
    """The two runs that one memo cannot do without.

    Args:
        memo: the recording.
        pcm: what is replied.
    """

    def __init__(self, memo: Path, pcm: bytes) -> None:
        self._memo = memo
        self._pcm = pcm

    def run(self) -> None:
        """Decode, and encode."""
        decode(self._memo)
        encode(self._pcm)

    async def cpu_seconds(self, times: int) -> float:
        """Run one after the other; give the CPU seconds of one pair: those of the two ffmpegs, and no others."""
        before = children_seconds()
        for _ in range(times):
            await asyncio.to_thread(self.run)
        return (children_seconds() - before) / times

    async def per_second(self, times: int) -> float:
        """Run as many side by side as there are cores; give how many pairs end in a second."""
        slots = asyncio.Semaphore(os.cpu_count() or 1)

        async def one() -> None:
            async with slots:
                await asyncio.to_thread(self.run)

        begun = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(times)))
        return times / (time.perf_counter() - begun)


def children_seconds() -> float:
    """CPU of our children that have ended, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
