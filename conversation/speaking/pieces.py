"""The pieces of a reply, synthesised concurrently and emitted in order; if one fails, all do."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from audio.seams import SpokenPiece
from providers.errors import BadAnswer, ProviderError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from conversation.draft import Phrase, StreamedReply
    from providers.ports import Synthesizer

    Pcm = asyncio.Queue[bytes | None]
    """PCM of one piece, which bounds the queue; ends with None."""

_AHEAD = 3  # pieces synthesised while an earlier one is emitted
_FEWEST_BYTES = 100  # of PCM for one letter; at 16 kHz, at twice the usual speed, it takes ten times as many


class OrderedSpeech:
    """Has one synthesizer speak a draft; `service` is its short name."""

    def __init__(self, service: str, synthesizer: Synthesizer, draft: StreamedReply) -> None:
        self._service = service
        self._synthesizer = synthesizer
        self._draft = draft
        self._queued: asyncio.Queue[Pcm | None] = asyncio.Queue(_AHEAD)

    @asynccontextmanager
    async def speaking(self) -> AsyncIterator[AsyncGenerator[bytes]]:
        """Yield the PCM, mono s16le, to be read to its end. Raises ProviderError, and Discarded."""
        try:
            async with asyncio.TaskGroup() as group, aclosing(self._in_order()) as pcm:
                group.create_task(self._request(group))
                yield pcm
        except ExceptionGroup as failures:
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # before Python 3.13 a task group forgets it
                raise asyncio.CancelledError from None
            raise _foremost(failures) from None

    async def _request(self, group: asyncio.TaskGroup) -> None:
        async for piece in self._draft.pieces():
            pcm: Pcm = asyncio.Queue()
            await self._queued.put(pcm)
            group.create_task(self._speak(piece, pcm))
        await self._queued.put(None)

    async def _speak(self, piece: Phrase, pcm: Pcm) -> None:
        take, size = SpokenPiece(self._synthesizer.sample_rate), 0
        text, before, after = piece
        stream = self._synthesizer.speak(text, language=self._draft.language, before=before, after=after)
        async with aclosing(stream) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                pcm.put_nowait(take.feed(chunk))
        end = take.end()
        if not end:
            raise BadAnswer(self._service, "no sound")
        if size < _FEWEST_BYTES * len(text):
            raise BadAnswer(self._service, "too short to be all of it")
        pcm.put_nowait(end)
        pcm.put_nowait(None)

    async def _in_order(self) -> AsyncGenerator[bytes]:
        while (pcm := await self._queued.get()) is not None:
            while (chunk := await pcm.get()) is not None:
                if chunk:
                    yield chunk


def _foremost(failures: ExceptionGroup[Exception]) -> Exception:
    """Return a bug (I8), else the service's first failure."""
    bugs, services = failures.split(lambda error: not isinstance(error, ProviderError | ExceptionGroup))
    found: Exception = bugs or services or failures
    while isinstance(found, ExceptionGroup):
        found = found.exceptions[0]
    return found
