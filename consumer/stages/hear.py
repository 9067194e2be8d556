"""Hear: Decoded → Heard."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audio.clips import Line
from consumer.memo.endings import Apology
from consumer.memo.states import Heard
from conversation.hearing.listen import listen
from conversation.language.identify import identify_language
from conversation.recent_turns import last_language

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from audio.clip import Clip
    from consumer.memo.progress import Progress
    from consumer.memo.states import Decoded
    from conversation.hearing.listen import Expected
    from providers.fallback.ladder import Ladder
    from providers.ports import Transcript
    from storage.history import PastTurn


@dataclass(frozen=True, slots=True)
class Hear:
    """Recognises the words and their language."""

    transcribers: Ladder[[Clip, Expected], Transcript]
    default_language: str

    async def __call__(self, decoded: Decoded, past: Awaitable[tuple[PastTurn, ...]], progress: Progress) -> Heard:
        """Listen; words of a long memo that lost some pieces will do. Raises Apology if there are none."""

        async def expected() -> str:
            return last_language(await past) or self.default_language

        listened = await listen(decoded.wav, self.transcribers, progress, expected)
        words, rung = listened.words, listened.rung
        if not listened.parts:
            raise Apology(Line.NOTHING_HEARD, "silence")
        if rung is None or (listened.lost and not words):
            raise Apology(Line.THANKS, "not-transcribed", rung)
        if not words:
            raise Apology(Line.NOTHING_HEARD, "no-words", rung)
        language = await asyncio.to_thread(
            identify_language,
            words,
            reported=listened.language,
            last=last_language(await past),
            default=self.default_language,
        )
        return Heard(decoded.fetched.memo, words, language, rung)
