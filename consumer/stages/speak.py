"""Speak: Answering → Spoken. The reply is spoken while it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audio import clips
from consumer.memo.states import Spoken
from conversation.speaking.rehearsal import Rehearsal

if TYPE_CHECKING:
    from consumer.memo.states import Answering
    from conversation.draft import StreamedReply
    from conversation.speaking.rehearsal import Voiced
    from conversation.turn import Turn
    from providers.fallback.ladder import Ladder


@dataclass(frozen=True, slots=True)
class Speak:
    """Speaks the reply; the last rung cannot fail."""

    voices: Ladder[[StreamedReply], Voiced]

    def rehearsing(self, turn: Turn) -> Rehearsal:
        """Speak the reply while the block writes it."""
        return Rehearsal(self.voices, turn)

    async def __call__(self, answering: Answering, rehearsal: Rehearsal) -> Spoken:
        """Return the reply's voice; a pre-written line has a recording."""
        if answering.line is not None:
            return Spoken(answering, clips.clip(answering.line, answering.language), answering.text, "clip")
        served = await rehearsal.speak(answering.text, answering.language)
        return Spoken(answering, served.value.clip, served.value.said, served.rung)
