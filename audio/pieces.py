"""Cut a long recording at its pauses into pieces that a recogniser takes. Pure, and never a sample lost or said twice.

Whisper listens to 30 s at a time. A cut in the middle of a word costs the word on both sides, so each piece ends in a
pause of the last third of what it might hold. What counts as a pause is told by hysteresis: a stretch that stays near
the quietest moment, and comes very near to it at least once; the longest of those is a breath between sentences rather
than the closed lips of a p.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from audio.transcode import HEADER_BYTES, SAMPLE_BYTES, WAV_RATE, wav_clip

if TYPE_CHECKING:
    from audio.clip import Clip
    from audio.loudness import Floats, Samples

LONGEST_SECONDS = 28.0
"""Of a piece, in seconds: below Whisper's 30, with room for a service that counts differently."""

_LONGEST = round(LONGEST_SECONDS * WAV_RATE)
_LOOKED_THROUGH = _LONGEST // 3
_LEAST = WAV_RATE
"""Samples that a last piece has at least: in less than a second nobody says much, and Whisper imagines the rest."""
_FRAME = WAV_RATE // 50
"""Samples in a frame of 20 ms."""
_SMOOTH = 5
"""Frames that are averaged, so that what is shorter than 100 ms is no pause."""
_INAUDIBLE = 30.0
"""Mean square of samples, about 75 dB below full scale: what is quieter is as quiet as silence."""
_ENTER_DB = 3.0
_LEAVE_DB = 6.0
"""Above the quietest moment: a pause comes below the one, and ends above the other."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a WAV. It holds no sound of its own: clip() copies it, for as long as it is needed."""

    whole: Clip
    begin: int
    """Its first sample."""
    end: int
    """The one after its last."""

    @property
    def seconds(self) -> float:
        """How long it plays, in seconds."""
        return (self.end - self.begin) / WAV_RATE

    def clip(self) -> Clip:
        """Make a WAV of it; the whole itself, where that is one piece."""
        size = self.end - self.begin
        if size == _samples(self.whole):
            return self.whole
        start = HEADER_BYTES + self.begin * SAMPLE_BYTES
        return wav_clip(self.whole.data[start : start + size * SAMPLE_BYTES], sample_rate=WAV_RATE)


def cut(wav: Clip) -> tuple[Piece, ...]:
    """Cut a WAV that decode() made: pieces in order, one beginning where the other ends, each within LONGEST_SECONDS.

    Takes 0.1 s for half an hour, and some megabytes beside the WAV; the caller uses a thread.
    """
    samples: Samples = np.frombuffer(wav.data, "<i2", offset=HEADER_BYTES, count=_samples(wav))
    pieces, begin = [], 0
    while samples.size - begin > _LONGEST:
        latest = begin + min(_LONGEST, samples.size - begin - _LEAST)
        earliest = begin + _LONGEST - _LOOKED_THROUGH
        end = earliest + _pause(samples[earliest:latest])
        pieces.append(Piece(wav, begin, end))
        begin = end
    return (*pieces, Piece(wav, begin, samples.size))


def _samples(wav: Clip) -> int:
    return (len(wav.data) - HEADER_BYTES) // SAMPLE_BYTES


def _pause(samples: Samples) -> int:
    """Find the middle of the longest pause, in samples from the first."""
    levels = _levels(samples)
    quietest = levels.min()
    turns = np.flatnonzero(np.diff(levels <= quietest + _LEAVE_DB, prepend=False, append=False)).tolist()
    stretches = zip(turns[::2], turns[1::2], strict=True)
    pauses = [(first, last) for first, last in stretches if levels[first:last].min() <= quietest + _ENTER_DB]
    first, last = max(pauses, key=lambda pause: pause[1] - pause[0])
    middle: int = (first + last + _SMOOTH - 1) * _FRAME // 2
    return middle


def _levels(samples: Samples) -> Floats:
    """Give the loudness around each frame, in dB; those too near to an end to have neighbours are left out."""
    frames = samples[: samples.size // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float32)
    power = np.einsum("ij,ij->i", frames, frames) / _FRAME
    smooth = np.convolve(power, np.full(_SMOOTH, 1 / _SMOOTH), mode="valid")
    levels: Floats = 10 * np.log10(np.maximum(smooth, _INAUDIBLE))
    return levels
