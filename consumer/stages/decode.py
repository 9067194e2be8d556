"""Decode: Fetched → Decoded, 16 kHz mono WAV from any container."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audio.clips import Line
from audio.errors import TooLong, TranscodeError
from audio.formats import Format
from consumer.memo.endings import Apology
from consumer.memo.states import Decoded

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from audio.streaming_decode import StreamingDecode
    from audio.transcode import Transcoder
    from consumer.memo.states import Fetched


@dataclass(frozen=True, slots=True)
class Decode:
    """Decodes the recording."""

    transcoder: Transcoder

    def ahead(self) -> AbstractAsyncContextManager[StreamingDecode]:
        """Return a decoder that is fed during the download."""
        return self.transcoder.ahead()

    async def __call__(self, fetched: Fetched, ahead: StreamingDecode | None = None) -> Decoded:
        """Decode as much as possible. Raises Apology."""
        if fetched.original.format is Format.UNKNOWN:
            raise Apology(Line.NOT_PROCESSED, "unknown-format")
        try:
            return Decoded(fetched, await self.transcoder.decode(fetched.original, ahead))
        except TooLong as error:
            raise Apology(Line.TOO_LONG, "too-long") from error
        except TranscodeError as error:
            raise Apology(Line.NOT_PROCESSED, "undecodable") from error
