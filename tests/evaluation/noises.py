"""Sounds without speech, made with numpy: the same seed makes the same sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Floats: TypeAlias = npt.NDArray[np.float64]
Maker: TypeAlias = "Callable[[int, np.random.Generator], Floats]"

RATE: Final = 16_000
"""Hz."""
_PEAK: Final = 0.99


def at_level(sound: Floats, dbfs: float) -> bytes:
    """Return s16le PCM with an RMS of so many dB below full scale, or less if its peaks would clip."""
    power = float(np.sqrt(np.mean(sound**2)))
    if not power:
        return bytes(2 * sound.size)
    gain = min(10 ** (dbfs / 20) / power, _PEAK / float(np.abs(sound).max()))
    pcm: bytes = (sound * gain * 32767).astype("<i2").tobytes()
    return pcm


def coloured(count: int, chance: np.random.Generator, slope: float) -> Floats:
    """Return noise whose amplitude falls with frequency to the power of `slope`: 0 white, 0.5 pink, 1 brown."""
    spectrum = np.fft.rfft(chance.normal(size=count))
    frequencies = np.maximum(np.fft.rfftfreq(count, 1 / RATE), 20.0)
    noise: Floats = np.fft.irfft(spectrum / frequencies**slope, count)
    return noise


def _band(count: int, chance: np.random.Generator, low: float, high: float) -> Floats:
    spectrum = np.fft.rfft(chance.normal(size=count))
    frequencies = np.fft.rfftfreq(count, 1 / RATE)
    noise: Floats = np.fft.irfft(spectrum * ((frequencies >= low) & (frequencies <= high)), count)
    return noise


def _slow(count: int, chance: np.random.Generator, hertz: float) -> Floats:
    """Return a curve from 0 to 1 that rises and falls so many times a second."""
    knots = chance.random(max(4, int(count / RATE * hertz * 2) + 2))
    curve: Floats = np.interp(np.linspace(0, knots.size - 1, count), np.arange(knots.size), knots)
    return curve


def _times(count: int) -> Floats:
    times: Floats = np.arange(count) / RATE
    return times


def _hum(mains: float) -> Maker:
    def make(count: int, chance: np.random.Generator) -> Floats:
        overtones = (1, 2, 3, 4, 5, 6, 8, 10, 14)
        tones = [np.sin(2 * np.pi * mains * n * _times(count) + chance.random() * 6.28) / n for n in overtones]
        hum: Floats = np.sum(tones, axis=0) + 0.01 * chance.normal(size=count)
        return hum

    return make


def _fan(count: int, chance: np.random.Generator) -> Floats:
    blades = np.sin(2 * np.pi * 118 * _times(count)) + 0.5 * np.sin(2 * np.pi * 236 * _times(count))
    noise = coloured(count, chance, 0.5)
    fan: Floats = noise / noise.std() + 0.5 * blades
    return fan


def _rain(count: int, chance: np.random.Generator) -> Floats:
    drops = (chance.random(count) < 400 / RATE) * chance.normal(size=count)
    decay = np.exp(-np.arange(80) / 15) * np.sin(np.arange(80))
    return np.convolve(drops, decay, "same") + 0.1 * chance.normal(size=count)


def _clicks(count: int, chance: np.random.Generator) -> Floats:
    strikes = (chance.random(count) < 3 / RATE) * (0.5 + chance.random(count))
    return np.convolve(strikes, np.exp(-np.arange(160) / 20) * np.cos(np.arange(160)), "same")


def _keyboard(count: int, chance: np.random.Generator) -> Floats:
    strikes = (chance.random(count) < 7 / RATE) * (0.3 + chance.random(count))
    thud = np.exp(-np.arange(640) / 110) * chance.normal(size=640)
    return np.convolve(strikes, thud, "same") + 0.002 * chance.normal(size=count)


def _wind(count: int, chance: np.random.Generator) -> Floats:
    gusts: Floats = coloured(count, chance, 1.0) * (0.1 + _slow(count, chance, 0.7) ** 2)
    return gusts


def _pocket(count: int, chance: np.random.Generator) -> Floats:
    rubbing = _band(count, chance, 80, 3000) * np.maximum(0, _slow(count, chance, 3.0) - 0.5) ** 2
    pocket: Floats = rubbing / (rubbing.std() or 1.0) + 0.3 * _wind(count, chance)
    return pocket


def _breathing(count: int, chance: np.random.Generator) -> Floats:
    pace = 0.25 + 0.05 * chance.random()
    breath = np.maximum(0.0, np.sin(2 * np.pi * 2 * pace * _times(count))) ** 1.5
    breathing: Floats = _band(count, chance, 300, 3500) * breath + 0.002 * chance.normal(size=count)
    return breathing


def _tone(count: int, chance: np.random.Generator) -> Floats:
    tone: Floats = np.sin(2 * np.pi * 440 * _times(count) + chance.random())
    return tone


def _chord(count: int, chance: np.random.Generator) -> Floats:
    notes = [np.sin(2 * np.pi * pitch * _times(count) + chance.random()) for pitch in (261.6, 329.6, 392.0)]
    chord: Floats = np.sum(notes, axis=0)
    return chord


def _melody(count: int, chance: np.random.Generator) -> Floats:
    """Plucked notes, two and a half a second."""
    sound, note = np.zeros(count), int(0.4 * RATE)
    for start in range(0, count, note):
        pitch = 220 * 2 ** (chance.integers(0, 24) / 12)
        times = _times(min(note, count - start))
        tones = [np.sin(2 * np.pi * pitch * n * times) / n**2 for n in (1, 2, 3)]
        sound[start : start + note] = np.sum(tones, axis=0) * np.exp(-times * 5)
    return sound


def _drums(count: int, chance: np.random.Generator) -> Floats:
    """A beat of 120 a minute: a low thump, and a hiss in between."""
    sound, beat = np.zeros(count), RATE // 2
    for place, start in enumerate(range(0, count, beat)):
        times = _times(min(beat, count - start))
        hit = np.sin(2 * np.pi * 70 * times) * np.exp(-times * 18) if place % 2 == 0 else chance.normal(size=times.size)
        sound[start : start + beat] = hit if place % 2 == 0 else hit * np.exp(-times * 30) * 0.4
    return sound


STEADY: Final[Mapping[str, Maker]] = {
    "digital silence": lambda count, _: np.zeros(count),
    "white noise": lambda count, chance: coloured(count, chance, 0.0),
    "pink noise": lambda count, chance: coloured(count, chance, 0.5),
    "brown noise": lambda count, chance: coloured(count, chance, 1.0),
    "mains hum, 50 Hz": _hum(50.0),
    "mains hum, 60 Hz": _hum(60.0),
    "a fan": _fan,
    "a steady tone": _tone,
    "a steady chord": _chord,
}
"""Steady sounds, which the gate is made for."""
MOVING: Final[Mapping[str, Maker]] = {
    "rain": _rain,
    "single clicks": _clicks,
    "a keyboard": _keyboard,
    "wind in gusts": _wind,
    "rubbing in a pocket": _pocket,
    "breathing": _breathing,
    "a plucked melody": _melody,
    "drums": _drums,
}
"""Sounds that rise and fall as a voice does: many pass the gate, and are left to the guard after the recogniser."""
