"""The containers that we know, by magic bytes, suffix and MIME type."""

from __future__ import annotations

import functools
import re
from enum import Enum
from pathlib import PurePosixPath

from audio.errors import UnknownFormat
from audio.frames import is_adts, is_mpeg


class Format(Enum):
    """A container of a recording or a reply: (suffix with its dot, MIME type that we write)."""

    OGG = (".opus", "audio/ogg")
    CAF = (".caf", "audio/x-caf")
    M4A = (".m4a", "audio/mp4")
    MP3 = (".mp3", "audio/mpeg")
    WAV = (".wav", "audio/wav")
    AIFF = (".aiff", "audio/aiff")
    AMR = (".amr", "audio/amr")
    FLAC = (".flac", "audio/flac")
    WEBM = (".webm", "audio/webm")
    AAC = (".aac", "audio/aac")
    UNKNOWN = (".bin", "application/octet-stream")
    """Archived as received; it cannot be played."""

    @property
    def suffix(self) -> str:
        """With its dot."""
        return self.value[0]

    @property
    def mime_type(self) -> str:
        """The one that we write."""
        return self.value[1]


_SUFFIXES = {
    ".opus": Format.OGG,
    ".ogg": Format.OGG,
    ".oga": Format.OGG,
    ".caf": Format.CAF,
    ".caff": Format.CAF,
    ".m4a": Format.M4A,
    ".mp4": Format.M4A,
    ".m4b": Format.M4A,
    ".3gp": Format.M4A,
    ".3gpp": Format.M4A,
    ".3ga": Format.M4A,
    ".mov": Format.M4A,
    ".mp3": Format.MP3,
    ".wav": Format.WAV,
    ".wave": Format.WAV,
    ".aif": Format.AIFF,
    ".aiff": Format.AIFF,
    ".aifc": Format.AIFF,
    ".amr": Format.AMR,
    ".awb": Format.AMR,
    ".flac": Format.FLAC,
    ".webm": Format.WEBM,
    ".weba": Format.WEBM,
    ".mka": Format.WEBM,
    ".aac": Format.AAC,
    ".adts": Format.AAC,
}
_SUBTYPES = {
    "ogg": Format.OGG,
    "opus": Format.OGG,
    "vorbis": Format.OGG,
    "caf": Format.CAF,
    "m4a": Format.M4A,
    "mp4": Format.M4A,
    "mp4a-latm": Format.M4A,  # Android's name for .m4a
    "3gpp": Format.M4A,
    "3gpp2": Format.M4A,
    "3gp": Format.M4A,
    "quicktime": Format.M4A,
    "mpeg": Format.MP3,
    "mpeg3": Format.MP3,
    "mp3": Format.MP3,
    "wav": Format.WAV,
    "wave": Format.WAV,
    "pn-wav": Format.WAV,
    "vnd.wave": Format.WAV,
    "aiff": Format.AIFF,
    "aifc": Format.AIFF,
    "amr": Format.AMR,
    "amr-nb": Format.AMR,
    "amr-wb": Format.AMR,
    "flac": Format.FLAC,
    "webm": Format.WEBM,
    "matroska": Format.WEBM,
    "aac": Format.AAC,
    "aacp": Format.AAC,
    "hx-aac-adts": Format.AAC,
}
"""MIME subtypes, without their x-."""
_SIGNATURES: tuple[tuple[re.Pattern[bytes], Format], ...] = (
    (re.compile(rb"OggS"), Format.OGG),  # RFC 3533; Opus, Vorbis or FLAC within
    (re.compile(rb"caff"), Format.CAF),  # Apple Core Audio Format specification
    (re.compile(rb".{4}ftyp", re.DOTALL), Format.M4A),  # ISO/IEC 14496-12
    (re.compile(rb"RIFF.{4}WAVE", re.DOTALL), Format.WAV),
    (re.compile(rb"FORM.{4}AIF[FC]", re.DOTALL), Format.AIFF),
    (re.compile(rb"#!AMR"), Format.AMR),  # RFC 4867, section 5
    (re.compile(rb"fLaC"), Format.FLAC),  # RFC 9639
    (re.compile(rb"\x1a\x45\xdf\xa3"), Format.WEBM),  # RFC 8794
)
_ID3 = re.compile(rb"ID3[\x02-\x04].{2}([\x00-\x7f]{4})", re.DOTALL)  # ID3v2.4.0, section 3.1
_ID3_BYTES = 10


def sniff(data: bytes, *, filename: str | None = None, mime_type: str | None = None) -> Format:
    """Return the container of a recording by its magic bytes, else by suffix, else by MIME type.

    Raises:
        UnknownFormat: none of them names a container that we know, or the recording is empty.
    """
    found = by_magic(data)
    if found is None and data:
        found = by_name(filename) or by_mime_type(mime_type)
    if found is None:
        raise UnknownFormat("no container that we know")
    return found


def by_magic(data: bytes) -> Format | None:
    """Return the container by its first bytes, or those behind an ID3 tag; a tag before anything else means MP3."""
    tag = _ID3.match(data)
    start = _ID3_BYTES + _synchsafe(tag[1]) if tag else 0
    for pattern, known in _SIGNATURES:
        if pattern.match(data, start):
            return known
    if is_adts(data, start):
        return Format.AAC
    return Format.MP3 if tag or is_mpeg(data, start) else None


def by_name(filename: str | None) -> Format | None:
    """Return the container by the suffix of a file name or a URL's path."""
    return _SUFFIXES.get(PurePosixPath(filename).suffix.lower()) if filename else None


def by_mime_type(mime_type: str | None) -> Format | None:
    """Return the container by a MIME type in any spelling (x- prefix, parameters, upper case)."""
    kind, _, subtype = (mime_type or "").partition(";")[0].strip().lower().partition("/")
    if kind not in {"audio", "video"} and (kind, subtype) != ("application", "ogg"):
        return None
    return _SUBTYPES.get(subtype.removeprefix("x-"))


def _synchsafe(four: bytes) -> int:
    """Read a number of seven bits per byte."""
    return functools.reduce(lambda number, byte: number << 7 | byte, four, 0)
