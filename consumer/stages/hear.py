"""Hear: Decoded → Heard, for a voice memo; Read: Memo → Heard, for a text message."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audio.clips import Line
from consumer.memo.endings import Apology
from consumer.memo.states import Heard
from conversation.hearing.listen import listen
from conversation.language.identify import identify_language, last_language

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from audio.clip import Clip
    from consumer.memo.progress import Progress
    from consumer.memo.states import Decoded, Memo
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
        """Listen; some parts of a long memo may be missing. Raises Apology if there are no words."""

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


@dataclass(frozen=True, slots=True)
class Read:
    """Identifies the language of a text."""

    default_language: str

    async def __call__(self, memo: Memo, past: Awaitable[tuple[PastTurn, ...]]) -> Heard:
        """Return the text as if it had been heard."""
        text, last = memo.text or "", last_language(await past)
        language = await asyncio.to_thread(
            identify_language, text, reported=None, last=last, default=self.default_language
        )
        return Heard(memo, text, language, "read")
