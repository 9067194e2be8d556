"""Seams between separately synthesized pieces: equal pauses, and fades against clicks. Pure."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from audio.loudness import Floats, Samples

_QUIET: Final = 100  # of 32768, some 50 dB below full scale: silence is at most this loud
_BEFORE_SECONDS: Final = 0.06
_AFTER_SECONDS: Final = 0.26  # silence around a piece: together a breath between two sentences
_FADE_SECONDS: Final = 0.005
_LONGEST_PAUSE_SECONDS: Final = 1.0  # within a piece; longer silence is passed on rather than held back


# A voice puts from none to most of a second of silence around each piece, and may begin or end where the wave is not at
# rest.
class SpokenPiece:
    """One piece of mono s16le PCM, whose silence is cut to measure."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._tail: Samples = np.empty(0, np.int16)
        """The last samples of sound and the silence since, which may be the final one."""
        self._started = False
        self._fade = _ramp(self._count(_FADE_SECONDS))  # the rest of the fade-in

    def feed(self, pcm: bytes) -> bytes:
        """Take whole samples; return those before what may be the final silence."""
        samples: Samples = np.concatenate([self._tail, np.frombuffer(pcm, "<i2")])
        loud = np.flatnonzero((samples > _QUIET) | (samples < -_QUIET))
        if not loud.size:
            end = max(0, samples.size - self._count(_LONGEST_PAUSE_SECONDS))
            self._tail = samples[end:]
            return self._faded_in(samples[:end]) if self._started else b""
        first = 0 if self._started else max(0, int(loud[0]) - self._count(_BEFORE_SECONDS))
        end = max(first, int(loud[-1]) + 1 - self._count(_FADE_SECONDS))
        self._started, self._tail = True, samples[end:]
        return self._faded_in(samples[first:end])

    def end(self) -> bytes:
        """Return the faded end with its silence, if there was any sound."""
        if not self._started:
            return b""
        after = np.zeros(self._count(_FADE_SECONDS + _AFTER_SECONDS), np.int16)
        kept = min(after.size, self._tail.size)
        after[:kept] = self._tail[:kept] * _ramp(kept)[::-1]
        return self._faded_in(after)

    def _faded_in(self, samples: Samples) -> bytes:
        size = min(samples.size, self._fade.size)
        if size:
            samples = samples.copy()
            samples[:size] = samples[:size] * self._fade[:size]
            self._fade = self._fade[size:]
        return samples.tobytes()

    def _count(self, seconds: float) -> int:
        return round(seconds * self._rate)


@cache
def _ramp(size: int) -> Floats:
    ramp: Floats = np.linspace(0, 1, size)
    return ramp
