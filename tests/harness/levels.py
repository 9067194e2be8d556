"""Levels of a WAV of ours, in dB relative to full scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from audio.clip import pcm_of

if TYPE_CHECKING:
    from audio.clip import Clip

_FULL_SCALE = 32768.0
_LEAST = 1e-10  # of full scale: a WAV without sound is quiet, and no error


def peak_dbfs(wav: Clip) -> float:
    """Level of the loudest sample."""
    return _dbfs(float(np.abs(_samples(wav)).max(initial=0)))


def rms_dbfs(wav: Clip) -> float:
    """Root mean square; 0 for a square wave."""
    samples = _samples(wav)
    return _dbfs(float(np.sqrt((samples**2).mean())) if samples.size else 0.0)


def _samples(wav: Clip) -> np.ndarray:
    return np.frombuffer(pcm_of(wav), "<i2").astype(np.float64)


def _dbfs(level: float) -> float:
    return float(20 * np.log10(max(level / _FULL_SCALE, _LEAST)))
