"""Detects recordings in which nothing is said, before recognition is paid for or invents words."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from audio.clip import HEADER_BYTES, WAV_RATE, Clip

Samples: TypeAlias = npt.NDArray[np.int16]
Floats: TypeAlias = npt.NDArray[np.floating]

# A voice rises and falls several times a second between about 250 Hz and 2 kHz; hum, hiss, rumble and digital silence
# do not. So the recording is narrowed to that band and cut into frames of 20 ms, and those that stand out from its
# quietest audible frames are counted. In doubt something was said: a wrong "silent" costs the sender an answer, a wrong
# "spoken" only a call. Measured with real speech and made noise: speech passes down to -50 dBFS, and in white, pink
# or brown noise 5 dB louder than itself; the same noises alone, and mains hum with overtones, are silent at any level.
_FULL_SCALE = 32768.0
_FLOOR_DBFS = -100.0
_STEP = 4  # every four samples are averaged, which drops what is above 2 kHz, where noise has most of its power
_FRAME = WAV_RATE // _STEP // 50  # averages in 20 ms
_EMPHASIS = 0.9  # the share of the previous sample that is subtracted: 15 dB less at 100 Hz, 19 dB less at 50 Hz
_AUDIBLE_DBFS = -65.0  # in that band; a voice 40 dB below full scale reaches -45 dBFS there
_QUIETEST_PERCENT = 10.0
_ABOVE_NOISE_DB = 6.0  # steady noise and hum stay within this of their own quietest tenth
_SHORTEST_RUN = 3  # frames in a row: rumble stands out for one or two, a syllable for at least 60 ms
LEAST_VOICED_SECONDS = 0.16
"""The core of the shortest word; words cut out of a sentence each have more. Below it nothing is said."""


def voiced_seconds(wav: Clip) -> float:
    """Measure the voice in a 16 kHz WAV; 0.1 s for half an hour: use a thread."""
    samples: Samples = np.frombuffer(wav.data, "<i2", offset=HEADER_BYTES)
    levels = _dbfs(_band_power(samples))
    audible = levels[levels > _AUDIBLE_DBFS]
    if not audible.size:
        return 0.0
    voiced = levels > np.percentile(audible, _QUIETEST_PERCENT) + _ABOVE_NOISE_DB
    turns = np.flatnonzero(np.diff(voiced, prepend=False, append=False))
    runs = turns[1::2] - turns[::2]
    return float(runs[runs >= _SHORTEST_RUN].sum() * _FRAME * _STEP / WAV_RATE)


def _band_power(samples: Samples) -> Floats:
    whole = samples[: samples.size // (_FRAME * _STEP) * _FRAME * _STEP]
    low = whole[::_STEP].astype(np.float32)
    for offset in range(1, _STEP):
        low += whole[offset::_STEP]
    frames = (low / _STEP).reshape(-1, _FRAME)
    # The power of x[n] - a x[n-1] is (1 + a²) times that of x, less 2a times the product of neighbours.
    power = np.einsum("ij,ij->i", frames, frames)
    neighbours = np.einsum("ij,ij->i", frames[:, 1:], frames[:, :-1])
    emphasised: Floats = ((1 + _EMPHASIS**2) * power - 2 * _EMPHASIS * neighbours) / _FRAME
    return emphasised


def _dbfs(power: Floats) -> Floats:
    levels: Floats = np.maximum(10 * np.log10(np.maximum(power, 1e-9) / _FULL_SCALE**2), _FLOOR_DBFS)
    return levels
