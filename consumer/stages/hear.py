"""Hear: Decoded → Heard, for a voice memo; Read: Memo → Heard, for a text message."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
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
    from consumer.memo.states import Decoded, Memo
    from conversation.hearing.listen import ExpectedLanguage
    from providers.fallback.ladder import Ladder
    from providers.ports import Transcript
    from storage.history import PastTurn


@dataclass(frozen=True, slots=True)
class Hear:
    """Recognises the words and their language."""

    transcribers: Ladder[[Clip, ExpectedLanguage], Transcript]
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
        language = await _identify(words, listened.language, past, self.default_language)
        return Heard(decoded.fetched.memo, words, language, rung)


@dataclass(frozen=True, slots=True)
class Read:
    """Identifies the language of a text."""

    default_language: str

    async def __call__(self, memo: Memo, past: Awaitable[tuple[PastTurn, ...]]) -> Heard:
        """Return the text as if it had been heard."""
        text = memo.text or ""
        return Heard(memo, text, await _identify(text, None, past, self.default_language), "read")


async def _identify(
    words: str, reported: str | None, past: Awaitable[tuple[PastTurn, ...]], default_language: str
) -> str:
    identify = partial(identify_language, words, reported=reported, default=default_language)
    return await asyncio.to_thread(identify, last=last_language(await past))
