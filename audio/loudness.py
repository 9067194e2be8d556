"""Is anything said in here? Measured before speech recognition is paid for, or may imagine words in silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from audio.transcode import WAV_RATE, pcm_of

if TYPE_CHECKING:
    from audio.clip import Clip

Levels: TypeAlias = npt.NDArray[np.float64]

_FRAME = WAV_RATE // 50
"""Samples in a frame of 20 ms."""
_FULL_SCALE = 32768.0
_FLOOR_DBFS = -100.0
_AUDIBLE_DBFS = -55.0
"""Below this a frame says nothing: a quiet room recorded by a phone lies at -60 dBFS and lower."""
_ABOVE_NOISE_DB = 6.0
"""Speech rises and falls: its frames stand this far above the quietest tenth; steady noise and hum do not."""
_LEAST_VOICED_SECONDS = 0.16
"""Shorter than the shortest word, which takes about 0.2 s."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """How loud a recording is."""

    peak_dbfs: float
    """Loudest sample, in dB below full scale."""
    rms_dbfs: float
    """Over the whole, in dB below full scale."""
    voiced_seconds: float
    """In frames that stand out from silence and from steady noise, in seconds."""


def measure(wav: Clip) -> Loudness:
    """Measure a 16 kHz mono s16 WAV. Takes a millisecond per minute; for long ones the caller uses a thread."""
    samples = np.frombuffer(pcm_of(wav), dtype="<i2")
    if samples.size < _FRAME:
        return Loudness(_FLOOR_DBFS, _FLOOR_DBFS, 0.0)
    frames = samples[: samples.size // _FRAME * _FRAME].reshape(-1, _FRAME)
    power = np.einsum("ij,ij->i", frames, frames, dtype=np.float64, casting="safe") / _FRAME
    levels = _dbfs(np.sqrt(power))
    threshold = max(_AUDIBLE_DBFS, float(np.percentile(levels, 10)) + _ABOVE_NOISE_DB)
    peak = max(abs(int(samples.max())), abs(int(samples.min())))
    return Loudness(
        peak_dbfs=float(_dbfs(np.array([peak], np.float64))[0]),
        rms_dbfs=float(_dbfs(np.sqrt(power.mean(keepdims=True)))[0]),
        voiced_seconds=float(np.count_nonzero(levels > threshold) * _FRAME / WAV_RATE),
    )


def is_silent(loudness: Loudness) -> bool:
    """Say whether nobody can have said anything."""
    return loudness.voiced_seconds < _LEAST_VOICED_SECONDS


def _dbfs(amplitude: Levels) -> Levels:
    levels: Levels = np.maximum(20 * np.log10(np.maximum(amplitude, 1e-9) / _FULL_SCALE), _FLOOR_DBFS)
    return levels
