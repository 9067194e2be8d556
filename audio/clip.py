"""Encoded sound, and our WAV: mono s16le PCM behind 44 bytes of header (RIFF; Microsoft and IBM, 1991)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from audio.formats import Format

WAV_RATE = 16_000
"""Sample rate of speech recognition, in Hz."""
SAMPLE_BYTES = 2
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
HEADER_BYTES = _HEADER.size
_PCM = 1  # WAVE_FORMAT_PCM


@dataclass(frozen=True, slots=True)
class Clip:
    """A file of encoded sound, in memory."""

    data: bytes = field(repr=False)
    format: Format  # as sniffed or encoded
    seconds: float | None = None  # None until measured


def wav_clip(pcm: bytes, *, sample_rate: int) -> Clip:
    """Make a WAV of mono s16le PCM, without a last half sample."""
    size = len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES
    riff = (b"RIFF", _HEADER.size - 8 + size, b"WAVE")
    form = (b"fmt ", 16, _PCM, 1, sample_rate, sample_rate * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES)
    header = _HEADER.pack(*riff, *form, b"data", size)
    return Clip(header + memoryview(pcm)[:size], Format.WAV, size / (sample_rate * SAMPLE_BYTES))


def pcm_of(wav: Clip) -> bytes:
    """Return the samples of a WAV of ours."""
    return wav.data[_HEADER.size :]
