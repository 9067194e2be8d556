"""What can go wrong with sound.

AudioError
├── UnknownFormat        nothing we know by magic bytes, suffix or MIME type
├── TranscodeError       ffmpeg refused; carries its own last words
│   ├── DecodeFailed     the recording cannot be read
│   ├── EncodeFailed     the reply cannot be written
│   ├── TranscodeTimeout ffmpeg did not end within its deadline
│   └── TooLong          the recording is longer than the limit
└── EngineError          a local engine (espeak-ng, pocketsphinx) failed or took too long

None of them ever carries audio, spoken words or a person's file name in its text.
"""

from __future__ import annotations


class AudioError(Exception):
    """The root: something about a piece of sound."""


class UnknownFormat(AudioError):
    """The bytes are no container that we know."""


class TranscodeError(AudioError):
    """ffmpeg could not do its part.

    Attributes:
        last_words: the end of ffmpeg's own standard error, with file names removed.
    """

    def __init__(self, message: str, last_words: str = "") -> None:
        super().__init__(f"{message}: {last_words}" if last_words else message)
        self.last_words = last_words


class DecodeFailed(TranscodeError):
    """The recording cannot be read."""


class EncodeFailed(TranscodeError):
    """The reply cannot be written."""


class TranscodeTimeout(TranscodeError):
    """ffmpeg did not end within its deadline, and was ended."""


class TooLong(TranscodeError):
    """The recording is longer than the limit."""


class EngineError(AudioError):
    """A local engine failed, or did not end within its deadline."""
