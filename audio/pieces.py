"""Cuts a long recording at pauses into pieces for a recognizer (Whisper takes 30 s). Pure; no sample is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from audio.clip import HEADER_BYTES, SAMPLE_BYTES, WAV_RATE, Clip, wav_clip

if TYPE_CHECKING:
    from audio.loudness import Floats, Samples

LONGEST_SECONDS = 28.0
"""Longest piece, with room for a service that counts differently."""

_LONGEST = round(LONGEST_SECONDS * WAV_RATE)
_NEAR = _LONGEST // 6  # samples on either side of an even cut that are searched for a pause
_EVEN = _LONGEST - _NEAR  # samples; with both cuts moved as far as allowed, a piece is within the limit
_FRAME = WAV_RATE // 50  # samples in 20 ms
_SMOOTH = 5  # frames averaged, so that less than 100 ms is no pause
# Frames; a pause of half a second is between sentences, and a longer one no better.
_LONG_ENOUGH = WAV_RATE // 2 // _FRAME
_INAUDIBLE = 30.0  # mean square of samples, about 75 dB below full scale; anything quieter counts as this
_ENTER_DB = 3.0
_LEAVE_DB = 6.0  # above the quietest moment: a pause comes below the first, and ends above the second


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a WAV."""

    whole: Clip
    begin: int  # first sample
    end: int  # one after the last sample

    @property
    def seconds(self) -> float:
        """Length of the piece."""
        return (self.end - self.begin) / WAV_RATE

    def clip(self) -> Clip:
        """Copy it into a WAV, unless it is the whole recording."""
        size = self.end - self.begin
        if size == _samples(self.whole):
            return self.whole
        start = HEADER_BYTES + self.begin * SAMPLE_BYTES
        return wav_clip(self.whole.data[start : start + size * SAMPLE_BYTES], sample_rate=WAV_RATE)


def cut_at_pauses(wav: Clip) -> tuple[Piece, ...]:
    """Cut a 16 kHz WAV into consecutive pieces within LONGEST_SECONDS; 0.1 s for half an hour: use a thread."""
    samples: Samples = np.frombuffer(wav.data, "<i2", offset=HEADER_BYTES, count=_samples(wav))
    count = -(-samples.size // _EVEN) if samples.size > _LONGEST else 1
    pieces, begin = [], 0  # recognized side by side, the longest sets the wait: so they are as even as pauses allow
    for number in range(1, count):
        even = samples.size * number // count
        earliest, latest = even - _NEAR, min(even + _NEAR, begin + _LONGEST)
        end = earliest + _pause(samples[earliest:latest], even - earliest)
        pieces.append(Piece(wav, begin, end))
        begin = end
    return (*pieces, Piece(wav, begin, samples.size))


def _samples(wav: Clip) -> int:
    return (len(wav.data) - HEADER_BYTES) // SAMPLE_BYTES


# A cut inside a word would spoil it on both sides, so it is made in a pause, found by hysteresis: a stretch that stays
# near the quietest moment, and comes very near it at least once.
def _pause(samples: Samples, wanted: int) -> int:
    """Find the middle of a pause: the long one nearest to `wanted`, else the longest."""
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
    return (first + last + _SMOOTH - 1) * _FRAME // 2


def _levels(samples: Samples) -> Floats:
    frames = samples[: samples.size // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float32)
    power = np.einsum("ij,ij->i", frames, frames) / _FRAME
    smooth = np.convolve(power, np.full(_SMOOTH, 1 / _SMOOTH), mode="valid")
    levels: Floats = 10 * np.log10(np.maximum(smooth, _INAUDIBLE))
    return levels
