"""Hear: Decoded → Heard. The words, and the language that they are in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audio.clips import Line
from consumer.memo import Heard
from consumer.stages.apology import Apology
from consumer.stages.listen import listen
from providers.language import identify

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from audio.clip import Clip
    from consumer.memo import Decoded
    from consumer.progress import Progress, Timing
    from consumer.stages.listen import Expected
    from providers.ladder import Ladder
    from providers.ports import Transcript
    from storage.history import Turn


@dataclass(frozen=True, slots=True)
class Hear:
    """Recognises speech, unless there is none."""

    transcribers: Ladder[[Clip, Expected], Transcript]
    default_language: str

    async def __call__(
        self, decoded: Decoded, past: Awaitable[tuple[Turn, ...]], progress: Progress, timing: Timing
    ) -> Heard:
        """Listen; meanwhile the past of the chat is read.

        A long memo that lost some of its pieces is answered by the words of the others.

        Raises:
            Apology: nothing was said, or no rung could make any words out.
        """

        async def expected() -> str:
            return last_language(await past) or self.default_language

        listened = await listen(decoded.wav, self.transcribers, progress, expected)
        if not listened.parts:
            raise Apology(Line.NOTHING_HEARD, "silence")
        timing.rung = rung = listened.rung
        if rung is None or (listened.lost and not listened.words):
            raise Apology(Line.THANKS, "not-transcribed")
        words, turns = listened.words, await past
        if not words:
            raise Apology(Line.NOTHING_HEARD, "no-words")
        language = await asyncio.to_thread(
            identify,
            words,
            reported=listened.language,
            last=last_language(turns),
            default=self.default_language,
        )
        return Heard(decoded.fetched.memo, words, language, rung, turns)


def last_language(turns: tuple[Turn, ...]) -> str | None:
    """What the person last spoke, as far as we know."""
    return next((turn.language for turn in reversed(turns) if turn.role == "user"), None)
