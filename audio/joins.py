"""Joins: takes that were spoken apart are heard as one, without clicks, and with a breath between them. Pure.

A voice begins and ends each take with silence of its own making, from none to most of a second. It is cut to the same
measure everywhere, and fades, for a take may begin or end where the wave is not at rest.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from audio.loudness import Floats, Samples

_QUIET: Final = 100
"""Of 32768: what is below, some 50 dB below full scale, is silence."""
_BEFORE_SECONDS: Final = 0.06
_AFTER_SECONDS: Final = 0.26
"""Silence around a take: together a breath between two sentences."""
_FADE_SECONDS: Final = 0.005
_LONGEST_PAUSE_SECONDS: Final = 1.0
"""Within a take: no more silence than this is held back."""


class Take:
    """One of several takes: mono s16le PCM in pieces of whole samples goes in, and comes out with its silence measured.

    Args:
        sample_rate: of the PCM, in Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._held: Samples = np.empty(0, np.int16)
        """The last few samples of sound, and the silence since: it may turn out to be the last."""
        self._begun = False
        self._fade = _ramp(self._count(_FADE_SECONDS))
        """What is left of fading in."""

    def feed(self, pcm: bytes) -> bytes:
        """Take a piece; give what is surely to be heard."""
        samples: Samples = np.concatenate([self._held, np.frombuffer(pcm, "<i2")])
        loud = np.flatnonzero((samples > _QUIET) | (samples < -_QUIET))
        if not loud.size:
            end = max(0, samples.size - self._count(_LONGEST_PAUSE_SECONDS))
            self._held = samples[end:]
            return self._out(samples[:end]) if self._begun else b""
        first = 0 if self._begun else max(0, int(loud[0]) - self._count(_BEFORE_SECONDS))
        end = max(first, int(loud[-1]) + 1 - self._count(_FADE_SECONDS))
        self._begun, self._held = True, samples[end:]
        return self._out(samples[first:end])

    def end(self) -> bytes:
        """Give its end, faded out, and the silence after it; nothing where nothing was said."""
        if not self._begun:
            return b""
        after = np.zeros(self._count(_FADE_SECONDS + _AFTER_SECONDS), np.int16)
        kept = min(after.size, self._held.size)
        after[:kept] = self._held[:kept] * _ramp(kept)[::-1]
        return self._out(after)

    def _out(self, samples: Samples) -> bytes:
        """Fade in what is heard first."""
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
