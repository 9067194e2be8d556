"""What each way of AAC coding costs, and what is to be heard of it: 64 kbit/s, mono, of speech at 24 kHz.

The quality is that of hearing.py. The last row of each recording is an anchor: what half the bits make of it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from statistics import mean, median
from typing import TYPE_CHECKING

from audio.engines.espeak import SAMPLE_RATE, EspeakVoice
from sandbox.mind import resampled
from tests.benchmarks import bare
from tests.benchmarks.bare import SPEECH_RATE
from tests.benchmarks.hearing import judge
from tests.benchmarks.report import Section, Verdict
from tests.benchmarks.upstreams import REPLY
from tests.harness.paths import MEMOS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.benchmarks.hearing import Quality

_FIXTURES = ("en-long.opus", "hi-mausam.caf")
_SECONDS = 20.0
"""Length of each recording; a shorter one is repeated, so that each run of ffmpeg starts for as much sound."""
_SAMPLE_BYTES = 2
_DEFAULT = "twoloop"
_ANCHOR = (bare.CODER, "32k")
_MASKED_DB = 0.0
"""Noise to mask: at 0 dB the noise is as loud as what is masked (Brandenburg and Sporer, 11th AES conference, 1992)."""
_NOTICED_DB = 1.5
"""By so much the noise of a band has to stand out for BS.1387 to call a window disturbed."""


@dataclass(frozen=True, slots=True)
class Coded:
    """What one way of coding made of a recording."""

    cpu: float
    """For 10 s of sound, in seconds; the median of several runs."""
    bits_per_second: float
    quality: Quality


async def measure(rounds: int, *, recordings: Sequence[Path] = ()) -> Section:
    """Code our own speech, and any recordings that are named, in every way that this ffmpeg has."""
    ways = [(coder, bare.BIT_RATE) for coder in sorted(await asyncio.to_thread(bare.coders))] + [_ANCHOR]
    section = Section("coders", "AAC at 64 kbit/s, mono, 24 kHz: what it costs, and what is heard of it")
    section.columns = ("", "CPU ms for 10 s", "kbit/s", "noise to mask dB", "disturbed", "segmental SNR dB")
    more = []
    for name, pcm in (await _speech(recordings)).items():
        found = await asyncio.to_thread(code, pcm, ways, rounds)
        section.rows += [_row(name, way, each) for way, each in found.items()]
        chosen, default = (found[coder, bare.BIT_RATE].quality.nmr_db for coder in (bare.CODER, _DEFAULT))
        section.verdicts.append(Verdict(f"{name}: noise to mask with {bare.CODER}, dB", chosen, _MASKED_DB))
        more.append(chosen - default)
    section.verdicts.append(Verdict(f"more than with {_DEFAULT}, on average, dB", mean(more), _NOTICED_DB))
    section.notes.append(
        "noise to mask: below 0 dB it is masked; disturbed: windows with a band 1.5 dB above (BS.1387)"
    )
    return section


def code(pcm: bytes, ways: Sequence[tuple[str, str]], rounds: int) -> dict[tuple[str, str], Coded]:
    """Code a recording in each way, by turns."""
    seconds = len(pcm) / _SAMPLE_BYTES / SPEECH_RATE
    took: dict[tuple[str, str], list[float]] = {way: [] for way in ways}
    made = {}
    for _ in range(rounds):
        for coder, bit_rate in ways:
            before = bare.children_seconds()
            made[coder, bit_rate] = bare.encode(pcm, coder=coder, bit_rate=bit_rate)
            took[coder, bit_rate].append(bare.children_seconds() - before)
    return {
        way: Coded(
            median(took[way]) * 10 / seconds,
            len(m4a) * 8 / seconds,
            judge(pcm, bare.samples(m4a), sample_rate=SPEECH_RATE),
        )
        for way, m4a in made.items()
    }


async def _speech(recordings: Sequence[Path]) -> Mapping[str, bytes]:
    """Give what is coded: the voice of the demo, and recordings; each as PCM."""
    said = b"".join([piece async for piece in EspeakVoice().speak(REPLY, language="en")])
    speech = {"the demo's voice": await asyncio.to_thread(resampled, said, SAMPLE_RATE, SPEECH_RATE)}
    for path in (*(MEMOS / name for name in _FIXTURES), *recordings):
        speech[path.name] = await asyncio.to_thread(bare.speech, path)
    return {name: _as_long(pcm) for name, pcm in speech.items()}


def _as_long(pcm: bytes) -> bytes:
    size = round(_SECONDS * SPEECH_RATE) * _SAMPLE_BYTES
    return (pcm * (size // max(1, len(pcm)) + 1))[:size]


def _row(name: str, way: tuple[str, str], coded: Coded) -> Sequence[str | float]:
    coder, bit_rate = way
    what = coder if way != _ANCHOR else f"{coder} at {bit_rate}"
    quality = coded.quality
    share = f"{quality.disturbed:.0%}"
    rate = round(coded.bits_per_second / 1000)
    return (f"{name}, {what}", coded.cpu * 1000, rate, quality.nmr_db, share, quality.snr_db)
