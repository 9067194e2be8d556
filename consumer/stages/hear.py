"""Hear: Decoded → Heard. The words, and the language that they are in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audio.clips import Line
from audio.loudness import is_silent, measure
from consumer.memo import Heard
from consumer.stages.apology import Apology
from providers.errors import LadderExhausted
from providers.language import identify

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from audio.clip import Clip
    from consumer.memo import Decoded
    from consumer.progress import Progress, Timing
    from providers.ladder import Ladder
    from providers.ports import Transcript
    from storage.history import Turn


@dataclass(frozen=True, slots=True)
class Hear:
    """Recognises speech, unless there is none."""

    transcribers: Ladder[[Clip], Transcript]
    default_language: str

    async def __call__(
        self, decoded: Decoded, past: Awaitable[tuple[Turn, ...]], progress: Progress, timing: Timing
    ) -> Heard:
        """Listen; meanwhile the past of the chat is read.

        Raises:
            Apology: nothing was said, or no rung could make the words out.
        """
        if is_silent(await asyncio.to_thread(measure, decoded.wav)):
            raise Apology(Line.NOTHING_HEARD, "silence")
        try:
            served = await self.transcribers(decoded.wav)
        except LadderExhausted as error:
            progress.fell(error.attempts)
            raise Apology(Line.THANKS, "not-transcribed") from error
        progress.fell(served.attempts)
        timing.rung = served.rung
        transcript, turns = served.value, await past
        if not transcript.text:
            raise Apology(Line.NOTHING_HEARD, "no-words")
        language = await asyncio.to_thread(
            identify,
            transcript.text,
            reported=transcript.language,
            last=last_language(turns),
            default=self.default_language,
        )
        return Heard(decoded.fetched.memo, transcript.text, language, served.rung, turns)


def last_language(turns: tuple[Turn, ...]) -> str | None:
    """What the person last spoke, as far as we know."""
    return next((turn.language for turn in reversed(turns) if turn.role == "user"), None)
