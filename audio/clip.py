"""Encoded sound, and WAV as we write it: mono s16le PCM behind a header of 44 bytes (RIFF; Microsoft and IBM, 1991)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from audio.formats import Format

WAV_RATE = 16_000
"""Of the WAV for speech recognition, in Hz."""
SAMPLE_BYTES = 2
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
HEADER_BYTES = _HEADER.size
_PCM = 1  # WAVE_FORMAT_PCM


@dataclass(frozen=True, slots=True)
class Clip:
    """A file of encoded sound, in memory."""

    data: bytes = field(repr=False)
    format: Format
    """The container, as sniffed or as encoded."""
    seconds: float | None = None
    """How long it plays; None until measured."""


def wav_clip(pcm: bytes, *, sample_rate: int) -> Clip:
    """Put the RIFF header before mono s16le PCM; half a sample at the end is cut off."""
    size = len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES
    riff = (b"RIFF", _HEADER.size - 8 + size, b"WAVE")
    form = (b"fmt ", 16, _PCM, 1, sample_rate, sample_rate * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES)
    header = _HEADER.pack(*riff, *form, b"data", size)
    return Clip(header + memoryview(pcm)[:size], Format.WAV, size / (sample_rate * SAMPLE_BYTES))


def pcm_of(wav: Clip) -> bytes:
    """Return the samples of a WAV made by wav_clip()."""
    return wav.data[_HEADER.size :]
