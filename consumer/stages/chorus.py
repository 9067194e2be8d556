"""The pieces of a reply, synthesised concurrently and emitted in order.

The first piece is requested as soon as it is written, the next while the first is still being spoken. One piece that
fails fails all: a reply has one voice throughout.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from audio.joins import Take
from providers.errors import BadAnswer, ProviderError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from consumer.draft import Draft, Piece
    from providers.ports import Synthesizer

_AHEAD = 3
"""Pieces that are synthesised while an earlier one is being emitted: mostly all that are left of a reply."""
_FEWEST_BYTES = 100
"""Of PCM for one letter. At 16 kHz, at twice the speed that people listen at, it takes ten times as many."""


@dataclass(frozen=True, slots=True)
class _Part:
    pcm: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    """Ends with None; bounded by the length of a piece."""


class Chorus:
    """Has one synthesizer speak a draft; `service` is its short name."""

    def __init__(self, service: str, synthesizer: Synthesizer, draft: Draft) -> None:
        self._service = service
        self._synthesizer = synthesizer
        self._draft = draft
        self._parts: asyncio.Queue[_Part | None] = asyncio.Queue(_AHEAD)

    @asynccontextmanager
    async def speaking(self) -> AsyncIterator[AsyncGenerator[bytes]]:
        """Yield the PCM, mono s16le, to be read to its end.

        Raises:
            ProviderError: the service failed one piece or more.
            Discarded: the draft was discarded.
        """
        try:
            async with asyncio.TaskGroup() as group, aclosing(self._in_order()) as pcm:
                group.create_task(self._request(group))
                yield pcm
        except ExceptionGroup as failures:
            _raise_cancellation()
            raise _foremost(failures) from None

    async def _request(self, group: asyncio.TaskGroup) -> None:
        async for piece in self._draft.pieces():
            part = _Part()
            await self._parts.put(part)
            group.create_task(self._speak(piece, part))
        await self._parts.put(None)

    async def _speak(self, said: Piece, part: _Part) -> None:
        take, size = Take(self._synthesizer.sample_rate), 0
        text, before, after = said
        stream = self._synthesizer.speak(text, language=self._draft.language, before=before, after=after)
        async with aclosing(stream) as pieces:
            async for piece in pieces:
                size += len(piece)
                part.pcm.put_nowait(take.feed(piece))
        end = take.end()
        if not end:
            raise BadAnswer(self._service, "no sound")
        if size < _FEWEST_BYTES * len(text):
            raise BadAnswer(self._service, "too short to be all of it")
        part.pcm.put_nowait(end)
        part.pcm.put_nowait(None)

    async def _in_order(self) -> AsyncGenerator[bytes]:
        while (part := await self._parts.get()) is not None:
            while (piece := await part.pcm.get()) is not None:
                if piece:
                    yield piece


def _raise_cancellation() -> None:
    """Raise a cancellation that came while a piece failed: before Python 3.13 a task group forgets it."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _foremost(failures: ExceptionGroup[Exception]) -> Exception:
    """Return the failure that counts: a bug (I8), else the first of the service's."""
    bugs, services = failures.split(lambda error: not isinstance(error, ProviderError | ExceptionGroup))
    found: Exception = bugs or services or failures
    while isinstance(found, ExceptionGroup):
        found = found.exceptions[0]
    return found
