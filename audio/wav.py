"""WAV as we write it: mono s16le PCM behind a header of 44 bytes (RIFF; Microsoft and IBM, 1991)."""

from __future__ import annotations

import struct

from audio.clip import Clip
from audio.formats import Format

WAV_RATE = 16_000
"""Of the WAV that is listened to, in Hz."""
SAMPLE_BYTES = 2
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
HEADER_BYTES = _HEADER.size
"""Of our WAV files: RIFF, fmt and data headers, no more."""
_PCM = 1  # WAVE_FORMAT_PCM


def wav_clip(pcm: bytes, *, sample_rate: int) -> Clip:
    """Put a RIFF header of 44 bytes before mono s16le PCM; half a sample at the end is cut off."""
    size = len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES
    riff = (b"RIFF", _HEADER.size - 8 + size, b"WAVE")
    form = (b"fmt ", 16, _PCM, 1, sample_rate, sample_rate * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES)
    header = _HEADER.pack(*riff, *form, b"data", size)
    return Clip(header + memoryview(pcm)[:size], Format.WAV, size / (sample_rate * SAMPLE_BYTES))


def pcm_of(wav: Clip) -> bytes:
    """Give the samples of a WAV that decode() or wav_clip() made."""
    return wav.data[_HEADER.size :]
