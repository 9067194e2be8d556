"""How much noise the speech gate rejects, and whether it ever rejects speech."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final
from zlib import crc32

import numpy as np

from audio.clip import Clip, pcm_of, wav_clip
from audio.formats import sniff
from audio.loudness import LEAST_VOICED_SECONDS, voiced_seconds
from audio.transcode import Transcoder
from tests.evaluation.noises import MOVING, RATE, STEADY, at_level, coloured
from tests.evaluation.report import Line, Rows, Section
from tests.harness.paths import MEMOS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.evaluation.noises import Floats, Maker

_LEVELS: Final = (-60.0, -45.0, -30.0, -15.0)
"""RMS in dB below full scale."""
_SECONDS: Final = (2.0, 6.0, 15.0)
_TAKES: Final = 2
_QUIET_DBFS: Final = -50.0
_SHORT_SECONDS: Final = 0.5
_COLOURS: Final = {"white": 0.0, "pink": 0.5, "brown": 1.0}
_SUFFIXES: Final = frozenset({".opus", ".ogg", ".caf", ".m4a", ".mp3", ".wav", ".aiff", ".amr", ".flac", ".webm"})


@dataclass(frozen=True, slots=True)
class Tried:
    """A sound, and the gate's verdict."""

    kind: str
    level: str
    silent: bool


def section(folder: Path | None = None) -> Section:
    """Evaluate: deterministic, except for recordings in a folder.

    Args:
        folder: of recordings of speech; None for the fixture memos.
    """
    noises = list(_noises())
    speech = list(_speech(folder))
    caught = {
        kinds: [each for each in noises if each.kind in kinds] for kinds in (frozenset(STEADY), frozenset(MOVING))
    }
    steady, moving = caught.values()
    lines = (
        Line("steady noises, caught", sum(each.silent for each in steady), len(steady), 99.0),
        Line("moving noises, caught", sum(each.silent for each in moving), len(moving)),
        Line("speech, let through", sum(not each.silent for each in speech), len(speech), 100.0),
    )
    failed = [f"{each.kind}, {each.level}: lost" for each in speech if each.silent]
    failed += [f"{each.kind}, {each.level}: let through" for each in steady if not each.silent]
    return Section(
        "silence", "Nothing said", lines, (_by_noise(noises), _by_speech(speech)), tuple(dict.fromkeys(failed))
    )


def _noises() -> Iterator[Tried]:
    kinds = (*STEADY.items(), *MOVING.items())
    for (kind, make), seconds, take in product(kinds, _SECONDS, range(_TAKES)):
        sound = _made(kind, make, seconds, take)
        for level in _LEVELS:
            yield Tried(kind, f"{level:.0f} dBFS", _silent(at_level(sound, level)))


def _made(kind: str, make: Maker, seconds: float, take: int) -> Floats:
    chance = np.random.default_rng([crc32(kind.encode()), int(seconds * 1000), take])
    return make(int(seconds * RATE), chance)


def _speech(folder: Path | None) -> Iterator[Tried]:
    for path in recordings(folder):
        said = np.frombuffer(decoded(path), "<i2").astype(np.float64) / 32768
        for how, pcm in _ways(said):
            yield Tried(path.name, how, _silent(pcm))


def recordings(folder: Path | None) -> list[Path]:
    """Return the recordings in a folder; of the fixture memos, those with speech."""
    found = sorted(path for path in (folder or MEMOS).iterdir() if path.suffix in _SUFFIXES)
    return [path for path in found if folder is not None or not path.name.startswith("silent")]


def decoded(path: Path) -> bytes:
    """Decode a recording to mono s16le PCM at 16 kHz."""
    data = path.read_bytes()
    return pcm_of(asyncio.run(Transcoder().decode(Clip(data, sniff(data)))))


def _ways(said: Floats) -> Iterator[tuple[str, bytes]]:
    """Return a recording as it is, quiet, in noise, and its loudest half second alone."""
    yield "as it is", (said * 32767).astype("<i2").tobytes()
    yield f"at {_QUIET_DBFS:.0f} dBFS", at_level(said, _QUIET_DBFS)
    for colour, slope in _COLOURS.items():
        noise = coloured(said.size, np.random.default_rng(said.size), slope)
        yield f"in {colour} noise as loud", at_level(said + noise * (said.std() / noise.std()), -25.0)
    yield f"its loudest {_SHORT_SECONDS:g} s", (_loudest(said) * 32767).astype("<i2").tobytes()


def _loudest(said: Floats) -> Floats:
    length = int(_SHORT_SECONDS * RATE)
    power = np.convolve(said**2, np.ones(length), "valid")
    start = int(power.argmax())
    pause = np.zeros(RATE // 4)
    return np.concatenate([pause, said[start : start + length], pause])


def _silent(pcm: bytes) -> bool:
    return voiced_seconds(wav_clip(pcm, sample_rate=RATE)) < LEAST_VOICED_SECONDS


def _by_noise(noises: list[Tried]) -> Rows:
    levels = [f"{level:.0f} dBFS" for level in _LEVELS]
    rows = [
        (
            kind,
            *(
                _counted([each.silent for each in noises if (each.kind, each.level) == (kind, level)])
                for level in levels
            ),
        )
        for kind in (*STEADY, *MOVING)
    ]
    return Rows("Noises caught, by level (root mean square)", ("", *levels), tuple(rows))


def _by_speech(speech: list[Tried]) -> Rows:
    ways = list(dict.fromkeys(each.level for each in speech))
    rows = [(way, _counted([not each.silent for each in speech if each.level == way])) for way in ways]
    return Rows("Speech let through", ("", "recordings"), tuple(rows))


def _counted(right: list[bool]) -> str:
    return f"{sum(right)} of {len(right)}"
