"""Decoding of a recording while it downloads; one that fails here is decoded whole afterwards."""

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
"""Not CAF and M4A, whose index may come last; not MP3, whose padding ffmpeg trims only where it can seek."""


class StreamingDecode:
    """One recording, decoded as it arrives; `decode` returns b"" where it cannot."""

    def __init__(self, decode: Callable[[Format, AsyncIterator[bytes]], Coroutine[None, None, bytes]]) -> None:
        self._decode = decode
        self._attempts: list[_Attempt] = []

    def begin(self) -> None:
        """Start a recording; an earlier one failed."""
        self._cancel()
        self._attempts.append(_Attempt())

    def take(self, piece: bytes) -> None:
        """Take a piece; the first one starts the decoder. Raises nothing."""
        attempt = self._attempts[-1]
        if not attempt.size:
            attempt.format = by_magic(piece)
            if attempt.format in STREAMABLE:
                decoding = self._decode(attempt.format, attempt.pieces())
                attempt.decoding = asyncio.create_task(decoding, name="decode-ahead")
        attempt.size += len(piece)
        attempt.queue.put_nowait(piece)

    async def pcm(self, clip: Clip) -> bytes:
        """Return the whole recording's PCM; b"" to have it decoded whole. Raises TranscodeTimeout."""
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
    size: int = 0  # bytes
    queue: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    """Bounded by the recording, which the downloader holds too; b"" ends it."""
    decoding: asyncio.Task[bytes] | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        while piece := await self.queue.get():
            yield piece
