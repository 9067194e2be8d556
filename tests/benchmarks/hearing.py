"""How much of what a codec adds can be heard: noise against what the sound itself masks. Pure.

Noise-to-mask ratio after ITU-R BS.1387-1 (PEAQ, basic version, Annex 2), as P. Kabal reads it ("An examination and
interpretation of ITU-R BS.1387", McGill University, 2003): windows of 43 ms are weighted by the outer ear, gathered
into bands of a quarter Bark, spread over the bands and the time that a sound masks, and the noise in each band is held
against what is masked there. What is left out of PEAQ is the rest of it: no modulation, no loudness, no grade.

A ratio of 0 dB is noise at the threshold. A window is disturbed where a band of it is 1.5 dB above, as in BS.1387.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

_WINDOW_SECONDS: Final = 2048 / 48_000
_LISTENING_DB: Final = 92.0
"""How loud a sine at full scale is played, in dB SPL."""
_BETWEEN_BINS: Final = 0.85
"""What a Hann window makes of a sine between two bins: the level is that of such a one."""
_FULL_SCALE: Final = 32_767.0
_LOWEST_HZ: Final = 80.0
_HIGHEST_HZ: Final = 18_000.0
_BAND_BARK: Final = 0.25
_DISTURBING_DB: Final = 1.5
_QUIET: Final = 8000.0 / 1024
"""Mean square of 16-bit samples; a window below it is a pause, and not judged."""
_LEAST: Final = 1e-12
_COMPRESSION: Final = 0.4
"""The exponent with which what several bands spread to one adds up."""
_LONGEST_SECONDS: Final = 0.030
"""How long a sound of 100 Hz goes on masking, as a time constant in seconds."""
_SHORTEST_SECONDS: Final = 0.008
"""The same for the highest."""
_SEGMENT_SECONDS: Final = 0.02
_SEGMENT_LIMITS: Final = (-10.0, 35.0)
"""Limits of the ratio of one segment, in dB (P. Loizou, Speech Enhancement, 2nd edition, 11.1.1)."""
_LONGEST_LAG_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Quality:
    """What is to be heard of a difference."""

    nmr_db: float
    """Noise to mask over all windows and bands, in dB; below 0 it is masked."""
    disturbed: float
    """Share of the windows in which the noise of one band or more stands above what is masked there."""
    snr_db: float
    """Mean over segments of 20 ms of signal to noise, in dB; knows nothing of masking."""
    lag: int
    """By so many samples the copy was late; it was moved."""


def judge(original: bytes, copy: bytes, *, sample_rate: int) -> Quality:
    """Compare a copy with what it was made of, wherever it begins.

    Args:
        original: mono s16le PCM.
        copy: the same, coded and decoded.
        sample_rate: of both, in Hz.

    Raises:
        ValueError: there is nothing to be heard, or what there is has less than a window in common.
    """
    reference, test = (np.frombuffer(pcm, "<i2").astype(np.float64) for pcm in (original, copy))
    lag = _lag(reference, test, round(_LONGEST_LAG_SECONDS * sample_rate))
    reference, test = reference[max(0, -lag) :], test[max(0, lag) :]
    size = min(reference.size, test.size)
    reference, test = reference[:size], test[:size]
    ratios = noise_to_mask(reference, test, sample_rate)
    if not ratios.size:
        raise ValueError("nothing to be heard in common")
    disturbed = (ratios.max(axis=1) >= 10 ** (_DISTURBING_DB / 10)).mean()
    return Quality(float(_decibels(ratios.mean())), float(disturbed), _segmental(reference, test, sample_rate), lag)


def noise_to_mask(reference: Floats, test: Floats, sample_rate: int) -> Floats:
    """Give noise to mask, as a ratio of powers, for each window in which there is something to hear, and each band."""
    ear = _ear(sample_rate)
    frames = [_windows(samples, ear.size) for samples in (reference, test)]
    heard = (np.mean(frames[0] ** 2, axis=1) >= _QUIET) if frames[0].size else np.zeros(0, bool)
    spectra = [ear.magnitudes(each) for each in frames]
    noise = np.maximum((spectra[0] - spectra[1]) ** 2 @ ear.gathering, _LEAST)
    ratios: Floats = (noise / ear.mask(spectra[0]))[heard]
    return ratios


@dataclass(frozen=True, slots=True)
class _Ear:
    """What depends on the sampling rate alone."""

    sample_rate: int
    size: int
    """Samples in a window."""
    weights: Floats
    """For each bin, from a sample to a magnitude at the inner ear."""
    gathering: Floats
    """Bins × bands: how much of a bin lies in a band."""
    centres: Floats
    """Centres of the bands, in Hz."""
    inner_noise: Floats
    offsets: Floats
    """What the mask lies below the excitation, as a ratio of powers."""

    def magnitudes(self, frames: Floats) -> Floats:
        """Give what reaches the inner ear, for each window and bin."""
        weighted: Floats = np.abs(np.fft.rfft(frames * np.hanning(self.size), axis=1)) * self.weights
        return weighted

    def mask(self, magnitudes: Floats) -> Floats:
        """Give the power that is masked, for each window and band."""
        power = np.maximum(magnitudes**2 @ self.gathering, _LEAST) + self.inner_noise
        flat = np.ones((1, self.centres.size))
        spread = self._spread(power) / self._spread(flat)
        masked: Floats = self._lasting(spread) / self.offsets
        return masked

    def _spread(self, power: Floats) -> Floats:
        """Let each band excite its neighbours: 27 dB a Bark downwards; upwards less, the louder it is."""
        distances = np.arange(self.centres.size) * _BAND_BARK
        total = np.zeros_like(power)
        for band, centre in enumerate(self.centres):
            upwards = -2.4 - 23.0 / centre + 0.2 * np.log10(power[:, band])
            away = distances - distances[band]
            levels = np.where(away <= 0, 2.7 * away, upwards[:, None] * away)
            shares = 10**levels
            excited = shares * (power[:, band] / shares.sum(axis=1))[:, None]
            total += excited**_COMPRESSION
        return total ** (1 / _COMPRESSION)

    def _lasting(self, spread: Floats) -> Floats:
        """Let each window go on masking in those that follow it."""
        times = _SHORTEST_SECONDS + 100.0 / self.centres * (_LONGEST_SECONDS - _SHORTEST_SECONDS)
        kept = np.exp(-(self.size // 2) / self.sample_rate / times)
        lasting, state = np.empty_like(spread), np.zeros(self.centres.size)
        for number, now in enumerate(spread):
            state = kept * state + (1 - kept) * now
            lasting[number] = np.maximum(state, now)
        return lasting


@lru_cache(maxsize=8)
def _ear(sample_rate: int) -> _Ear:
    size = round(_WINDOW_SECONDS * sample_rate)
    window = np.hanning(size)
    bins = np.arange(size // 2 + 1) * sample_rate / size
    khz = np.maximum(bins, 1.0) / 1000
    outer_db = -0.6 * 3.64 * khz**-0.8 + 6.5 * np.exp(-0.6 * (khz - 3.3) ** 2) - 1e-3 * khz**3.6
    level = 10 ** (_LISTENING_DB / 20) / (_BETWEEN_BINS * _FULL_SCALE * window.sum() / 2)
    edges = _edges(sample_rate)
    lower, upper = edges[:-1], edges[1:]
    centres = _hertz((_bark(lower) + _bark(upper)) / 2)
    half = sample_rate / size / 2
    shared = np.minimum(bins[:, None] + half, upper) - np.maximum(bins[:, None] - half, lower)
    places = np.arange(1, centres.size + 1) * _BAND_BARK
    return _Ear(
        sample_rate,
        size,
        weights=10 ** (outer_db / 20) * level,
        gathering=np.maximum(shared, 0.0) / (2 * half),
        centres=centres,
        inner_noise=10 ** (0.4 * 0.364 * (centres / 1000) ** -0.8),
        offsets=10 ** (np.maximum(3.0, _BAND_BARK * places) / 10),
    )


def _edges(sample_rate: int) -> Floats:
    """Give where bands begin and end, in Hz: a quarter Bark each, the last one up to what there is."""
    highest = min(_HIGHEST_HZ, sample_rate / 2)
    low, high = _bark(np.array([_LOWEST_HZ, highest]))
    edges: Floats = _hertz(np.append(np.arange(low, high, _BAND_BARK), high))
    return edges


def _bark(hertz: Floats) -> Floats:
    bark: Floats = 7 * np.arcsinh(hertz / 650)
    return bark


def _hertz(bark: Floats) -> Floats:
    hertz: Floats = 650 * np.sinh(bark / 7)
    return hertz


def _windows(samples: Floats, size: int) -> Floats:
    """Cut into windows of which each overlaps half of the one before."""
    if samples.size < size:
        return np.zeros((0, size))
    return np.lib.stride_tricks.sliding_window_view(samples, size)[:: size // 2]


def _lag(reference: Floats, test: Floats, longest: int) -> int:
    """Give by how many samples the copy comes later: where the two agree best."""
    size = 1 << (reference.size + test.size - 1).bit_length()
    agreement = np.fft.irfft(np.fft.rfft(test, size) * np.conj(np.fft.rfft(reference, size)), size)
    near = np.concatenate((agreement[-longest:], agreement[: longest + 1]))
    return int(np.argmax(near)) - longest


def _segmental(reference: Floats, test: Floats, sample_rate: int) -> float:
    """Give the mean signal-to-noise ratio of the segments in which there is something to hear, in dB."""
    size = round(_SEGMENT_SECONDS * sample_rate)
    whole = reference.size // size * size
    power, noise = (np.mean(each[:whole].reshape(-1, size) ** 2, axis=1) for each in (reference, reference - test))
    heard = power >= _QUIET
    ratios = _decibels(power[heard] / np.maximum(noise[heard], _LEAST))
    return float(np.mean(np.clip(ratios, *_SEGMENT_LIMITS)))


def _decibels(ratio: Floats) -> Floats:
    decibels: Floats = 10 * np.log10(np.maximum(ratio, _LEAST))
    return decibels
