"""Chorus: the pieces of a reply, spoken side by side and heard in order.

The first piece is asked for as soon as it is written, the next while the first is still being spoken. One piece that
fails is the failure of all: the reply is one voice's, whole, or it is not given.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from audio.seams import Take
from providers.errors import BadAnswer, ProviderError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from consumer.draft import Draft, Piece
    from providers.ports import Synthesizer

_AHEAD = 3
"""Pieces that are spoken while an earlier one is still being heard: mostly all that are left of a reply."""
_FEWEST_BYTES = 100
"""Of PCM, for a letter: at 16 kHz, and at twice the speed that anybody listens at, it takes ten times as many."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece that is being spoken."""

    pcm: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    """Ends with None; bounded by what a piece may have."""


class Chorus:
    """Has a draft spoken by one synthesizer.

    Args:
        service: the synthesizer's short name.
        synthesizer: who speaks.
        draft: what is said; whole, or still being written.
    """

    def __init__(self, service: str, synthesizer: Synthesizer, draft: Draft) -> None:
        self._service = service
        self._synthesizer = synthesizer
        self._draft = draft
        self._parts: asyncio.Queue[_Part | None] = asyncio.Queue(_AHEAD)

    @asynccontextmanager
    async def speaking(self) -> AsyncIterator[AsyncGenerator[bytes]]:
        """Give the PCM, mono s16le, to be read to its end; what fails a piece ends the block.

        Raises:
            ProviderError: the service failed one piece or more.
            Discarded: the draft was, and nobody needs this any more.
        """
        try:
            async with asyncio.TaskGroup() as group, aclosing(self._heard()) as pcm:
                group.create_task(self._ask(group))
                yield pcm
        except ExceptionGroup as failures:
            _heed_cancellation()
            raise _foremost(failures) from None

    async def _ask(self, group: asyncio.TaskGroup) -> None:
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

    async def _heard(self) -> AsyncGenerator[bytes]:
        while (part := await self._parts.get()) is not None:
            while (piece := await part.pcm.get()) is not None:
                if piece:
                    yield piece


def _heed_cancellation() -> None:
    """Be cancelled, if we were while a piece failed: before Python 3.13 a task group forgets it over the failure."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _foremost(failures: ExceptionGroup[Exception]) -> Exception:
    """Give the one that counts: a bug before what a service did wrong, which more than one piece may have met (I8)."""
    bugs, services = failures.split(lambda error: not isinstance(error, ProviderError | ExceptionGroup))
    found: Exception = bugs or services or failures
    while isinstance(found, ExceptionGroup):
        found = found.exceptions[0]
    return found
