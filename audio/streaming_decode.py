"""Decoding of a recording while it is still downloaded, where its container can be read from the front.

Whatever fails here is no failure: the recording is then decoded whole.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from audio.errors import DecodeFailed
from audio.formats import Format, by_magic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from audio.clip import Clip

STREAMABLE = frozenset({
    Format.OGG,
    Format.WAV,
    Format.AIFF,
    Format.AMR,
    Format.FLAC,
    Format.WEBM,
    Format.AAC,
})  # fmt: skip
"""Not CAF and M4A: phones write their index (packet table, moov) last. Not MP3: ffmpeg trims its padding only where it
can seek."""


class StreamingDecode:
    """One recording, decoded as it arrives.

    Args:
        decode: decodes a recording in a container from its pieces to bare PCM; empty where that cannot be had.
    """

    def __init__(self, decode: Callable[[Format, AsyncIterator[bytes]], Coroutine[None, None, bytes]]) -> None:
        self._decode = decode
        self._attempts: list[_Attempt] = []

    def begin(self) -> None:
        """Start a recording; an earlier one was a download that failed."""
        self._cancel()
        self._attempts.append(_Attempt())

    def take(self, piece: bytes) -> None:
        """Take the next piece; the first one starts the decoder, if the container allows it. Raises nothing."""
        attempt = self._attempts[-1]
        if not attempt.size:
            attempt.format = by_magic(piece)
            if attempt.format in STREAMABLE:
                decoding = self._decode(attempt.format, attempt.pieces())
                attempt.decoding = asyncio.create_task(decoding, name="decode-ahead")
        attempt.size += len(piece)
        attempt.queue.put_nowait(piece)

    async def pcm(self, clip: Clip) -> bytes:
        """Return the PCM of the whole recording; empty when it must be decoded whole.

        Raises:
            TranscodeTimeout: the decoder did not end in time.
        """
        attempt = self._attempts[-1] if self._attempts else _Attempt()
        if attempt.decoding is None or (attempt.format, attempt.size) != (clip.format, len(clip.data)):
            self._cancel()
            return b""
        attempt.queue.put_nowait(b"")
        try:
            return await attempt.decoding
        except DecodeFailed:
            return b""

    async def close(self) -> None:
        """Cancel what still runs, and wait for it."""
        self._cancel()
        await asyncio.gather(*(each.decoding for each in self._attempts if each.decoding), return_exceptions=True)

    def _cancel(self) -> None:
        for attempt in self._attempts:
            if attempt.decoding is not None:
                attempt.decoding.cancel()


@dataclass(slots=True)
class _Attempt:
    format: Format | None = None
    size: int = 0
    """In bytes."""
    queue: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    """Bounded by the recording, whose pieces the downloader holds too; an empty piece ends it."""
    decoding: asyncio.Task[bytes] | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        while piece := await self.queue.get():
            yield piece
