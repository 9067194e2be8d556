"""Likeness of two recordings, for lines too short and words too rare for the local transcriber."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

_FRAME: Final = 320
"""20 ms at 16 kHz."""
_BANDS: Final = np.geomspace(4, 120, 13).astype(int)
"""Edges in bins of 50 Hz: 12 bands from 200 Hz to 6 kHz."""
_FLOOR: Final = 1e4


def likeness(pcm: bytes, other: bytes) -> float:
    """Correlate the spectra of two recordings, frame by frame: 1 is identical, about 0 unrelated.

    Args:
        pcm: mono s16le at 16 kHz.
        other: the same, aligned with it.
    """
    one, two = _bands(pcm), _bands(other)
    frames = min(one.shape[1], two.shape[1])
    return float(np.corrcoef(one[:, :frames].ravel(), two[:, :frames].ravel())[0, 1])


def _bands(pcm: bytes) -> npt.NDArray[np.float64]:
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    frames = samples[: samples.size // _FRAME * _FRAME].reshape(-1, _FRAME) * np.hanning(_FRAME)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    bands = [power[:, low:high].sum(axis=1) for low, high in pairwise(_BANDS)]
    return np.log10(np.array(bands) + _FLOOR)
