"""Errors about sound; none carries audio, spoken words or file names."""

from __future__ import annotations


class AudioError(Exception):
    """Any error about sound."""


class UnknownFormat(AudioError):
    """No container that we know."""


class TranscodeError(AudioError):
    """ffmpeg failed; `last_words` ends its standard error, without file names."""

    def __init__(self, message: str, last_words: str = "") -> None:
        super().__init__(f"{message}: {last_words}" if last_words else message)
        self.last_words = last_words


class DecodeFailed(TranscodeError):
    """The recording cannot be read."""


class EncodeFailed(TranscodeError):
    """The reply cannot be encoded."""


class TranscodeTimeout(TranscodeError):
    """ffmpeg did not end in time, and was killed."""


class TooLong(TranscodeError):
    """More sound than the limit."""


class EngineError(AudioError):
    """A local engine failed, or did not end in time."""
