"""The containers that we know: magic bytes, suffixes, MIME types."""

from __future__ import annotations

from enum import Enum


class Format(Enum):
    """A container that a memo may come in, or a reply may leave in.

    Each value is (suffix with its dot, the MIME type that we write).
    """

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

    @property
    def suffix(self) -> str:
        """The file suffix, dot included."""
        return self.value[0]

    @property
    def mime_type(self) -> str:
        """The MIME type that we write."""
        return self.value[1]


def sniff(data: bytes, *, filename: str | None = None, mime_type: str | None = None) -> Format:
    """Say which container these bytes are: by magic bytes, then suffix, then MIME type.

    Raises:
        UnknownFormat: none of the three names a container that we know.
    """
    raise NotImplementedError
