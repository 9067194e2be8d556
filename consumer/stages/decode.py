"""Decode: Fetched → Decoded. Any container → 16 kHz mono WAV."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audio.clips import Line
from audio.errors import TooLong, TranscodeError
from audio.formats import Format
from consumer.memo import Decoded
from consumer.stages.apology import Apology

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from audio.streaming_decode import StreamingDecode
    from audio.transcode import Transcoder
    from consumer.memo import Fetched


@dataclass(frozen=True, slots=True)
class Decode:
    """Makes the recording fit to be listened to."""

    transcoder: Transcoder

    def ahead(self) -> AbstractAsyncContextManager[StreamingDecode]:
        """Begin while the recording still comes: what is given takes its pieces."""
        return self.transcoder.ahead()

    async def __call__(self, fetched: Fetched, ahead: StreamingDecode | None = None) -> Decoded:
        """Decode, salvaging what can be salvaged.

        Args:
            fetched: with the recording.
            ahead: what took its pieces as they came.

        Raises:
            Apology: it cannot be read, or is too long.
        """
        if fetched.original.format is Format.UNKNOWN:
            raise Apology(Line.NOT_PROCESSED, "unknown-format")
        try:
            return Decoded(fetched, await self.transcoder.decode(fetched.original, ahead))
        except TooLong as error:
            raise Apology(Line.TOO_LONG, "too-long") from error
        except TranscodeError as error:
            raise Apology(Line.NOT_PROCESSED, "undecodable") from error
