"""Stand-ins for the costly stages, which take time and check what is paid for."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from audio.clip import Clip
from audio.clips import Line
from audio.formats import Format
from consumer.memo.endings import Apology
from consumer.memo.states import Answering, Decoded, Fetched, Heard, Spoken
from conversation.draft import StreamedReplies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.memo.progress import Progress
    from consumer.memo.states import Memo
    from tests.simulation.process import Process
    from tests.simulation.world import World


@dataclass
class Stages:
    """The costly stages of one process."""

    world: World
    process: Process

    async def _busy(self, seconds: float) -> None:
        await self.process.step()
        await asyncio.sleep(self.process.random.random() * seconds)
        await self.process.step()

    async def fetch(self, memo: Memo, *, seconds: float = 30.0, observer: object = None) -> Fetched:
        """Fetch."""
        del seconds, observer
        await self._busy(0.2)
        return Fetched(memo, Clip(b"opus", Format.OGG))

    async def decode(self, clip: Clip) -> Clip:
        """Make a WAV of a reply."""
        del clip
        return Clip(b"wav", Format.WAV, 1.0)

    async def hear(self, decoded: Decoded, past: Any, progress: Progress) -> Heard:  # noqa: ANN401
        """Hear."""
        del progress
        memo = decoded.fetched.memo
        self.world.check_paid(memo, "transcript")
        await self._busy(12.0 if self.world.slow else 2.0)
        if memo.message_id in self.world.buggy:
            raise ZeroDivisionError
        if memo.message_id in self.world.hopeless:
            raise Apology(Line.THANKS, "not-transcribed")
        await past
        return Heard(memo, f"words {memo.message_id}", "en", "whisper")

    async def answer(self, heard: Heard, past: object, progress: Progress, drafts: StreamedReplies) -> Answering:
        """Answer."""
        del past, progress, drafts
        self.world.check_paid(heard.memo, "reply")
        await self._busy(1.0)
        return Answering(heard.memo, f"reply {heard.memo.message_id}", "en", "llama", heard)

    async def spoken(self, answering: Answering) -> Spoken:
        """Speak."""
        if answering.line is None:
            self.world.check_paid(answering.memo, "spoken")
            await self._busy(1.5)
        return Spoken(answering, Clip(b"m4a", Format.M4A, 1.0), answering.text, "voice")


class Decoding:
    """The stage that decodes: here only when the recording is whole, and at once."""

    @asynccontextmanager
    async def ahead(self) -> AsyncIterator[None]:
        """Begin nothing."""
        yield

    async def __call__(self, fetched: Fetched, ahead: object) -> Decoded:
        """Decode."""
        del ahead
        return Decoded(fetched, Clip(b"wav", Format.WAV, 1.0))


@dataclass
class Speaking:
    """The stage that speaks: here only when the reply is whole."""

    stages: Stages
    drafts: StreamedReplies = field(default_factory=StreamedReplies)

    @asynccontextmanager
    async def rehearsing(self, progress: Progress) -> AsyncIterator[Self]:
        """Rehearse nothing."""
        del progress
        yield self

    async def __call__(self, answering: Answering, rehearsal: object) -> Spoken:
        """Speak."""
        del rehearsal
        return await self.stages.spoken(answering)
