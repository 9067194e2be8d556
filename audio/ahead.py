"""Ahead: a recording is decoded while it still comes, where its container can be read from the front.

What does not come to a good end is as if it had not been begun: the recording is then decoded from the beginning.
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

READ_FROM_THE_FRONT = frozenset({
    Format.OGG,
    Format.WAV,
    Format.AIFF,
    Format.AMR,
    Format.FLAC,
    Format.WEBM,
    Format.AAC,
})  # fmt: skip
"""Not CAF and M4A: telephones write their index (packet table, moov) last, when they know it. Of an MP3 ffmpeg cuts off
the padding where it can seek, and does not in a stream."""


class Ahead:
    """One recording on its way.

    Args:
        decode: decodes, from its pieces, a recording in a container; gives bare PCM, empty where that is not to be had.
    """

    def __init__(self, decode: Callable[[Format, AsyncIterator[bytes]], Coroutine[None, None, bytes]]) -> None:
        self._decode = decode
        self._attempts: list[_Attempt] = []

    def begin(self) -> None:
        """The recording begins; if it did so before, that was an attempt that failed."""
        self._end()
        self._attempts.append(_Attempt())

    def take(self, piece: bytes) -> None:
        """Take the next piece; with the first the decoding begins, if the container allows it. Raises nothing."""
        attempt = self._attempts[-1]
        if not attempt.size:
            attempt.format = by_magic(piece)
            if attempt.format in READ_FROM_THE_FRONT:
                pieces = self._decode(attempt.format, attempt.pieces())
                attempt.decoding = asyncio.create_task(pieces, name="decode-ahead")
        attempt.size += len(piece)
        attempt.coming.put_nowait(piece)

    async def pcm(self, clip: Clip) -> bytes:
        """Give the PCM of the whole recording, now that it is there; empty when it must be decoded from the beginning.

        Raises:
            TranscodeTimeout: the decoder did not end in time.
        """
        attempt = self._attempts[-1] if self._attempts else _Attempt()
        if attempt.decoding is None or (attempt.format, attempt.size) != (clip.format, len(clip.data)):
            self._end()
            return b""
        attempt.coming.put_nowait(b"")
        try:
            return await attempt.decoding
        except DecodeFailed:
            return b""

    async def put_down(self) -> None:
        """End what still runs."""
        self._end()
        await asyncio.gather(*(each.decoding for each in self._attempts if each.decoding), return_exceptions=True)

    def _end(self) -> None:
        for attempt in self._attempts:
            if attempt.decoding is not None:
                attempt.decoding.cancel()


@dataclass(slots=True)
class _Attempt:
    """At having the recording."""

    format: Format | None = None
    size: int = 0
    """Taken so far, in bytes."""
    coming: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    """No more than the recording, of which whoever fetches it holds the same pieces. An empty one: that was all."""
    decoding: asyncio.Task[bytes] | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give what comes, to the end."""
        while piece := await self.coming.get():
            yield piece
