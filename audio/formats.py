"""Containers, by magic bytes, suffix and MIME type."""

from __future__ import annotations

import functools
import re
from enum import Enum
from pathlib import PurePosixPath

from audio.errors import UnknownFormat
from audio.frames import is_adts, is_mpeg


class Format(Enum):
    """A container: its suffix, with the dot, and its MIME type as we write it."""

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

    def __init__(self, suffix: str, mime_type: str) -> None:
        self.suffix = suffix
        self.mime_type = mime_type


def _by_word(words: dict[Format, str]) -> dict[str, Format]:
    return {word: known for known, listed in words.items() for word in listed.split()}


_SUFFIXES = _by_word({
    Format.OGG: ".opus .ogg .oga",
    Format.CAF: ".caf .caff",
    Format.M4A: ".m4a .mp4 .m4b .3gp .3gpp .3ga .mov",
    Format.MP3: ".mp3",
    Format.WAV: ".wav .wave",
    Format.AIFF: ".aif .aiff .aifc",
    Format.AMR: ".amr .awb",
    Format.FLAC: ".flac",
    Format.WEBM: ".webm .weba .mka",
    Format.AAC: ".aac .adts",
})  # fmt: skip
# MIME subtypes without their x-; mp4a-latm is Android's name for .m4a.
_SUBTYPES = _by_word({
    Format.OGG: "ogg opus vorbis",
    Format.CAF: "caf",
    Format.M4A: "m4a mp4 mp4a-latm 3gpp 3gpp2 3gp quicktime",
    Format.MP3: "mpeg mpeg3 mp3",
    Format.WAV: "wav wave pn-wav vnd.wave",
    Format.AIFF: "aiff aifc",
    Format.AMR: "amr amr-nb amr-wb",
    Format.FLAC: "flac",
    Format.WEBM: "webm matroska",
    Format.AAC: "aac aacp hx-aac-adts",
})  # fmt: skip
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
    """Return a recording's container by magic bytes, else suffix, else MIME type. Raises UnknownFormat."""
    found = by_magic(data)
    if found is None and data:
        found = by_name(filename) or by_mime_type(mime_type)
    if found is None:
        raise UnknownFormat("no container that we know")
    return found


def by_magic(data: bytes) -> Format | None:
    """Return the container by its first bytes, or those behind an ID3 tag."""
    tag = _ID3.match(data)
    start = _ID3_BYTES + _synchsafe(tag[1]) if tag else 0
    for pattern, known in _SIGNATURES:
        if pattern.match(data, start):
            return known
    if is_adts(data, start):
        return Format.AAC
    return Format.MP3 if tag or is_mpeg(data, start) else None


def by_name(filename: str | None) -> Format | None:
    """Return the container by the suffix of a file name or URL path."""
    return _SUFFIXES.get(PurePosixPath(filename).suffix.lower()) if filename else None


def by_mime_type(mime_type: str | None) -> Format | None:
    """Return the container by a MIME type in any spelling (x- prefix, parameters, upper case)."""
    kind, _, subtype = (mime_type or "").partition(";")[0].strip().lower().partition("/")
    if kind not in {"audio", "video"} and (kind, subtype) != ("application", "ogg"):
        return None
    return _SUBTYPES.get(subtype.removeprefix("x-"))


def _synchsafe(four: bytes) -> int:
    return functools.reduce(lambda number, byte: number << 7 | byte, four, 0)
