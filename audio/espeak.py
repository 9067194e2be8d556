"""espeak-ng, the local speech synthesizer; its library comes in the espeakng-loader wheel."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from audio.engine import Engine
from audio.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

SAMPLE_RATE = 22_050
"""espeak-ng's own, in Hz."""
VOICES = {
    "ar": "ar",
    "bn": "bn",
    "ca": "ca",
    "cs": "cs",
    "da": "da",
    "de": "de",
    "el": "el",
    "en": "en-us+f2",
    "es": "es",
    "fa": "fa",
    "fi": "fi",
    "fr": "fr",
    "gu": "gu",
    "hi": "hi",
    "hu": "hu",
    "id": "id",
    "it": "it",
    "ja": "ja",
    "ko": "ko",
    "mr": "mr",
    "nl": "nl",
    "no": "nb",
    "pa": "pa",
    "pl": "pl",
    "pt": "pt-br",
    "ro": "ro",
    "ru": "ru",
    "sv": "sv",
    "ta": "ta",
    "te": "te",
    "tr": "tr",
    "uk": "uk",
    "ur": "ur",
    "vi": "vi",
    "zh": "cmn",
}
"""Primary subtag → espeak-ng's voice."""
LONGEST_TEXT = 10_000
"""In characters; the rest of a longer text is not spoken."""


class EspeakVoice:
    """Local speech synthesizer.

    Args:
        deadline_seconds: for one text.
        processes: how many texts may be spoken at once.
        words_per_minute: its pace.
    """

    def __init__(self, *, deadline_seconds: float = 15.0, processes: int = 2, words_per_minute: int = 130) -> None:
        self._engine = Engine("audio.espeak_process", deadline_seconds=deadline_seconds, processes=processes)
        self._words_per_minute = words_per_minute

    async def speak(self, text: str, *, language: str) -> AsyncGenerator[bytes]:
        """Stream mono s16le PCM at SAMPLE_RATE, in pieces of whole samples.

        Raises:
            EngineError: no voice for the language, no sound, or the engine failed.
        """
        if language not in VOICES:
            raise EngineError(f"no local voice for {language}")
        left = b""
        sounded = False
        arguments = [VOICES[language], str(self._words_per_minute)]
        async with aclosing(self._engine.stream(arguments, text[:LONGEST_TEXT].encode())) as pieces:
            async for piece in pieces:
                whole = left + piece
                end = len(whole) // 2 * 2
                left = whole[end:]
                sounded = sounded or any(whole)
                yield whole[:end]
        if not sounded:
            raise EngineError("no sound")
