"""Sounds to test with, made by numpy, and put into any container by the same ffmpeg that decodes them."""

from __future__ import annotations

import struct
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TypeAlias

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from audio.formats import Format
from fixtures.caf import caf_from_ogg_opus

Samples: TypeAlias = npt.NDArray[np.float64]

RATE = 16_000
TONE_HZ = 440
SECONDS = 2.0

CONTAINERS: dict[str, tuple[Format, tuple[str, ...]]] = {
    "opus.ogg": (Format.OGG, ("-c:a", "libopus", "-ar", "24000")),
    "vorbis.ogg": (
        Format.OGG,
        (
            "-c:a",
            "libvorbis",
        ),
    ),
    "flac.ogg": (Format.OGG, ("-c:a", "flac")),
    "alac.caf": (Format.CAF, ("-c:a", "alac")),
    "pcm.caf": (Format.CAF, ("-c:a", "pcm_s16be")),
    "index-last.m4a": (Format.M4A, ("-c:a", "aac", "-f", "ipod")),
    "index-first.m4a": (Format.M4A, ("-c:a", "aac", "-movflags", "+faststart", "-f", "ipod")),
    "alac.m4a": (Format.M4A, ("-c:a", "alac", "-f", "ipod")),
    "amr.3gp": (Format.M4A, ("-c:a", "libopencore_amrnb", "-ar", "8000")),
    "aac.mov": (Format.M4A, ("-c:a", "aac")),
    "tagged.mp3": (Format.MP3, ("-c:a", "libmp3lame", "-metadata", "title=A secret title")),
    "bare.mp3": (Format.MP3, ("-c:a", "libmp3lame", "-id3v2_version", "0", "-write_xing", "0")),
    "low.mp3": (Format.MP3, ("-c:a", "libmp3lame", "-ar", "8000", "-id3v2_version", "0", "-write_xing", "0")),
    "layer-two.mp2": (Format.MP3, ("-c:a", "mp2", "-b:a", "64k")),
    "s16.wav": (Format.WAV, ("-c:a", "pcm_s16le")),
    "stereo-float.wav": (Format.WAV, ("-c:a", "pcm_f32le", "-ac", "2", "-ar", "48000")),
    "mulaw.wav": (Format.WAV, ("-c:a", "pcm_mulaw", "-ar", "8000")),
    "pcm.aiff": (Format.AIFF, ("-c:a", "pcm_s16be")),
    "mulaw.aifc": (Format.AIFF, ("-c:a", "pcm_mulaw", "-f", "aiff")),
    "narrow.amr": (Format.AMR, ("-c:a", "libopencore_amrnb", "-ar", "8000")),
    "plain.flac": (Format.FLAC, ("-c:a", "flac")),
    "opus.webm": (Format.WEBM, ("-c:a", "libopus")),
    "aac.mka": (Format.WEBM, ("-c:a", "aac")),
    "adts.aac": (Format.AAC, ("-c:a", "aac", "-f", "adts")),
    "adts-with-id3.aac": (Format.AAC, ("-c:a", "aac", "-write_id3v2", "1", "-f", "adts")),
}
"""File name → (what it is, how ffmpeg makes it)."""


def tone(seconds: float = SECONDS, *, hertz: float = TONE_HZ, rate: int = RATE, dbfs: float = -12.0) -> Samples:
    """A sine of this power, in dB below full scale."""
    at = np.arange(round(seconds * rate)) / rate
    return loud(np.sin(2 * np.pi * hertz * at), dbfs)


def loud(samples: Samples, dbfs: float) -> Samples:
    """The same at this power, in dB below full scale."""
    power: float = np.sqrt(np.mean(samples**2))
    return samples / power * 32768 * 10 ** (dbfs / 20)


def voice(seconds: float = 4.0) -> Samples:
    """What a voice is like: overtones of a gliding pitch, under syllables of different lengths, with pauses."""
    rng = np.random.default_rng(7)
    at = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(130 + 25 * np.sin(2 * np.pi * 0.7 * at)) / RATE
    buzz = sum(np.sin(k * phase) / k for k in range(1, 20))
    open_mouth = np.zeros_like(at)
    start = 0.2
    while start < seconds - 0.2:
        length = rng.uniform(0.1, 0.3)
        open_mouth += np.exp(-((at - start - length / 2) ** 2) / (2 * (length / 4) ** 2))
        start += length + rng.uniform(0.02, 0.3)
    return np.asarray(buzz * open_mouth + rng.normal(size=at.size) * 1e-4)


def pcm(samples: Samples) -> bytes:
    """As mono s16le."""
    return np.clip(np.round(samples), -32768, 32767).astype("<i2").tobytes()


def pitch(data: bytes, rate: int = RATE) -> float:
    """The strongest frequency in mono s16le PCM, in Hz."""
    samples = np.frombuffer(data, "<i2").astype(float)
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * rate / samples.size)


def ffmpeg(*arguments: str, given: bytes = b"") -> bytes:
    """Run ffmpeg by hand, with OUT in its arguments for the file whose bytes are given back."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "out")
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-hide_banner", "-loglevel", "error"]
        command += [each.replace("OUT", str(target)) for each in arguments]
        subprocess.run(command, input=given, check=True, timeout=30, capture_output=True)  # noqa: S603 (our own command)
        return target.read_bytes() if target.exists() else b""


def encoded(samples: Samples, name: str, *arguments: str, rate: int = RATE) -> bytes:
    """Put sound into a container: the suffix of the name says which, unless the arguments do."""
    given = ("-f", "s16le", "-ar", str(rate), "-ac", "1", "-i", "-")
    if "-f" not in arguments:
        muxers = {"aifc": "aiff", "m4a": "ipod", "mka": "matroska"}
        suffix = name.rpartition(".")[2]
        arguments = (*arguments, "-f", muxers.get(suffix, suffix))
    return ffmpeg(*given, *arguments, "OUT", given=pcm(samples))


@cache
def recording(name: str) -> bytes:
    """A tone in one of CONTAINERS."""
    return encoded(tone(), name, *CONTAINERS[name][1])


@cache
def memo(frame_ms: int = 20) -> bytes:
    """A tone as an iPhone records it: Opus in CAF, 24 kHz mono."""
    opus = ("-c:a", "libopus", "-frame_duration", str(frame_ms), "-b:a", "24k")
    return caf_from_ogg_opus(encoded(tone(), "memo.ogg", *opus))


def pointing_elsewhere(m4a: bytes, path: str) -> bytes:
    """The same M4A (index last), with its own sound wiped out, saying that its sound lies in another file.

    QuickTime's data reference ('dref') of a track may be an alias record, which names a file.
    """
    there = path.encode() + bytes(len(path) % 2)
    alias = bytes(10) + bytes(28) + bytes(12) + bytes(64) + bytes(16) + struct.pack(">HH", 1, 1) + bytes(16)
    alias += struct.pack(">HH", 2, len(there)) + there + struct.pack(">hH", -1, 0)
    entry = struct.pack(">I4sI", 12 + len(alias), b"alis", 0) + alias
    own = m4a.index(b"dref") + 12  # behind its version, flags and count of entries
    size = struct.unpack_from(">I", m4a, own)[0]
    index = bytearray(m4a[:own] + entry + m4a[own + size :])
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        at = index.index(box) - 4
        struct.pack_into(">I", index, at, struct.unpack_from(">I", index, at)[0] + len(entry) - size)
    sound = index.index(b"mdat") + 4
    index[sound : index.index(b"moov") - 4] = bytes(index.index(b"moov") - 4 - sound)
    return bytes(index)
