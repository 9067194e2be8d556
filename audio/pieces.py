"""Cuts a long recording at its pauses into pieces short enough for a recognizer. Pure; no sample is lost or repeated.

Whisper takes 30 s at a time. The pieces are recognized concurrently and the longest one sets the wait, so they are as
even as the pauses allow. A cut inside a word would spoil it on both sides, so each is made in a pause near the even
cut. A pause is found by hysteresis: it stays near the quietest moment, and comes very near it at least once; a long
one is a breath between sentences rather than the closed lips of a p.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from audio.clip import HEADER_BYTES, SAMPLE_BYTES, WAV_RATE, Clip, wav_clip

if TYPE_CHECKING:
    from audio.loudness import Floats, Samples

LONGEST_SECONDS = 28.0
"""Of a piece: below Whisper's 30, with room for a service that counts differently."""

_LONGEST = round(LONGEST_SECONDS * WAV_RATE)
_NEAR = _LONGEST // 6  # samples on either side of an even cut that are searched for a pause
_EVEN = _LONGEST - _NEAR
"""Samples of the longest even piece; with both cuts moved as far as allowed, it is within the limit."""
_FRAME = WAV_RATE // 50  # samples in 20 ms
_SMOOTH = 5  # frames averaged, so that less than 100 ms is no pause
_LONG_ENOUGH = WAV_RATE // 2 // _FRAME
"""Frames in half a second: such a pause is between sentences, and a longer one no better."""
_INAUDIBLE = 30.0  # mean square of samples, about 75 dB below full scale; anything quieter counts as this
_ENTER_DB = 3.0
_LEAVE_DB = 6.0  # above the quietest moment: a pause comes below the first, and ends above the second


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a WAV; it holds no sound of its own."""

    whole: Clip
    begin: int
    """Its first sample."""
    end: int
    """One after its last sample."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.begin) / WAV_RATE

    def clip(self) -> Clip:
        """Copy it into a WAV; return the whole recording if that is one piece."""
        size = self.end - self.begin
        if size == _samples(self.whole):
            return self.whole
        start = HEADER_BYTES + self.begin * SAMPLE_BYTES
        return wav_clip(self.whole.data[start : start + size * SAMPLE_BYTES], sample_rate=WAV_RATE)


def cut(wav: Clip) -> tuple[Piece, ...]:
    """Cut a 16 kHz WAV into consecutive pieces, each within LONGEST_SECONDS.

    Takes 0.1 s for half an hour of sound: call it in a thread.
    """
    samples: Samples = np.frombuffer(wav.data, "<i2", offset=HEADER_BYTES, count=_samples(wav))
    count = -(-samples.size // _EVEN) if samples.size > _LONGEST else 1
    pieces, begin = [], 0
    for number in range(1, count):
        even = samples.size * number // count
        earliest, latest = even - _NEAR, min(even + _NEAR, begin + _LONGEST)
        end = earliest + _pause(samples[earliest:latest], even - earliest)
        pieces.append(Piece(wav, begin, end))
        begin = end
    return (*pieces, Piece(wav, begin, samples.size))


def _samples(wav: Clip) -> int:
    return (len(wav.data) - HEADER_BYTES) // SAMPLE_BYTES


def _pause(samples: Samples, wanted: int) -> int:
    """Find the middle of a pause: of the long ones the one nearest to the wanted sample, else the longest."""
    levels = _levels(samples)
    quietest = levels.min()
    turns = np.flatnonzero(np.diff(levels <= quietest + _LEAVE_DB, prepend=False, append=False)).tolist()
    stretches = zip(turns[::2], turns[1::2], strict=True)
    pauses = [(first, last) for first, last in stretches if levels[first:last].min() <= quietest + _ENTER_DB]
    return max(
        (min(last - first, _LONG_ENOUGH), -abs(_middle(first, last) - wanted), _middle(first, last))
        for first, last in pauses
    )[-1]


def _middle(first: int, last: int) -> int:
    """Return the middle of a pause, in samples; its frames are those whose neighbours are as quiet."""
    return (first + last + _SMOOTH - 1) * _FRAME // 2


def _levels(samples: Samples) -> Floats:
    """Return the loudness around each frame in dB, without those too near an end to have neighbours."""
    frames = samples[: samples.size // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float32)
    power = np.einsum("ij,ij->i", frames, frames) / _FRAME
    smooth = np.convolve(power, np.full(_SMOOTH, 1 / _SMOOTH), mode="valid")
    levels: Floats = 10 * np.log10(np.maximum(smooth, _INAUDIBLE))
    return levels
