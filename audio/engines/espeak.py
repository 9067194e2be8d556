"""espeak-ng, the local synthesizer; its library comes in the espeakng-loader wheel."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from audio.engines.engine import Engine
from audio.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

SAMPLE_RATE = 22_050
"""Sample rate of espeak-ng, in Hz."""
_NAMED_AS_SUBTAG = (
    *("ar", "bn", "ca", "cs", "da", "de", "el", "es", "fa", "fi", "fr", "gu", "hi", "hu", "id", "it", "ja", "ko"),
    *("mr", "nl", "pa", "pl", "ro", "ru", "sv", "ta", "te", "tr", "uk", "ur", "vi"),
)
VOICES = {
    **{language: language for language in _NAMED_AS_SUBTAG},
    "en": "en-us+f2",
    "no": "nb",
    "pt": "pt-br",
    "zh": "cmn",
}
"""Primary subtag → espeak-ng's voice."""
LONGEST_TEXT = 10_000
"""Longest text, in characters; the rest is not spoken."""


class EspeakVoice:
    """Local synthesizer, with a deadline for each text."""

    def __init__(self, *, deadline_seconds: float = 15.0, processes: int = 2, words_per_minute: int = 130) -> None:
        self._engine = Engine("audio.engines.espeak_process", deadline_seconds=deadline_seconds, processes=processes)
        self._words_per_minute = words_per_minute

    async def speak(self, text: str, *, language: str) -> AsyncGenerator[bytes]:
        """Stream mono s16le PCM in whole samples. Raises EngineError."""
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
