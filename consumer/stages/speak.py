"""Speak: Answering → Spoken. The reply is spoken while it is written."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audio import clips
from consumer.memo.states import Spoken
from conversation import budget
from conversation.draft import StreamedReply
from conversation.speaking.rehearsal import Rehearsal, Voiced

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.memo.progress import Progress
    from consumer.memo.states import Answering
    from conversation.turn import Turn
    from providers.fallback.ladder import Ladder


@dataclass(frozen=True, slots=True)
class Speak:
    """Speaks the reply; the last rung cannot fail."""

    voices: Ladder[[StreamedReply], Voiced]

    @asynccontextmanager
    async def rehearsing(self, turn: Turn) -> AsyncIterator[Rehearsal]:
        """Speak the reply while the block writes it."""
        rehearsal = Rehearsal(self.voices, turn)
        try:
            yield rehearsal
        finally:
            await rehearsal.close()

    async def __call__(self, answering: Answering, progress: Progress, rehearsal: Rehearsal) -> Spoken:
        """Return the reply's voice; a pre-written line has a recording."""
        if answering.line is not None:
            return Spoken(answering, clips.clip(answering.line, answering.language), answering.text, "clip")
        served = await rehearsal.voice()
        if served is None:
            voices = self.voices.within(progress.budget.part(budget.SPEAK))
            served = await voices(StreamedReply.whole(answering.text, answering.language))
        progress.fell(served.attempts)
        return Spoken(answering, served.value.clip, served.value.said, served.rung)
