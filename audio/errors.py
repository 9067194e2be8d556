"""Errors about sound; none carries audio, spoken words or file names.

AudioError
├── UnknownFormat        no container that we know
├── TranscodeError       ffmpeg failed; carries its last words
│   ├── DecodeFailed     the recording cannot be read
│   ├── EncodeFailed     the reply cannot be written
│   ├── TranscodeTimeout ffmpeg did not end in time, and was killed
│   └── TooLong          the recording is longer than the limit
└── EngineError          a local engine (espeak-ng, pocketsphinx) failed or took too long
"""

from __future__ import annotations


class AudioError(Exception):
    """Any error about sound."""


class UnknownFormat(AudioError):
    """The bytes are no container that we know."""


class TranscodeError(AudioError):
    """ffmpeg failed.

    Attributes:
        last_words: the end of its standard error, without file names.
    """

    def __init__(self, message: str, last_words: str = "") -> None:
        super().__init__(f"{message}: {last_words}" if last_words else message)
        self.last_words = last_words


class DecodeFailed(TranscodeError):
    """The recording cannot be read."""


class EncodeFailed(TranscodeError):
    """The reply cannot be written."""


class TranscodeTimeout(TranscodeError):
    """ffmpeg did not end in time, and was killed."""


class TooLong(TranscodeError):
    """The recording is longer than the limit."""


class EngineError(AudioError):
    """A local engine failed, or did not end in time."""
