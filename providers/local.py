"""Engines that need no network and no key: pocketsphinx, espeak-ng, and canned replies."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING

from audio.errors import EngineError
from audio.espeak import SAMPLE_RATE
from audio.sphinx import LANGUAGE
from providers.errors import Rejected, Unavailable
from providers.ports import Transcript

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from audio.clip import Clip
    from audio.espeak import EspeakVoice
    from audio.sphinx import SphinxEars
    from providers.ports import ChatTurn

SERVICE = "local"


class LocalTranscriber:
    """Recognises English, in a child process."""

    def __init__(self, ears: SphinxEars) -> None:
        self._ears = ears

    async def transcribe(self, speech: Clip, *, language: str | None = None) -> Transcript:
        """Recognise; another language than English is refused rather than guessed at."""
        if language not in {None, LANGUAGE}:
            raise Rejected(SERVICE, "knows English only")
        try:
            return Transcript(await self._ears.listen(speech), LANGUAGE)
        except EngineError as error:
            raise Unavailable(SERVICE, "engine") from error

    async def check(self) -> None:
        """Nothing to ask: the engine is in the package."""

    async def close(self) -> None:
        """Nothing is kept open."""


class LocalSynthesizer:
    """Speaks, in a child process."""

    def __init__(self, voice: EspeakVoice) -> None:
        self._voice = voice

    @property
    def sample_rate(self) -> int:
        """Of the PCM, in Hz."""
        return SAMPLE_RATE

    async def speak(self, text: str, *, language: str) -> AsyncIterator[bytes]:
        """Stream mono s16le PCM."""
        try:
            async for piece in self._voice.speak(text, language=language):
                yield piece
        except EngineError as error:
            raise Unavailable(SERVICE, "engine") from error

    async def check(self) -> None:
        """Nothing to ask: the engine is in the package."""

    async def close(self) -> None:
        """Nothing is kept open."""


class CannedReplier:
    """Says one honest sentence in the person's language, where it is one of those in replies.json; else in English."""

    def __init__(self) -> None:
        self._replies: dict[str, str] = json.loads((resources.files("providers") / "replies.json").read_text("utf-8"))

    async def reply(self, turns: Sequence[ChatTurn], *, language: str) -> AsyncIterator[str]:  # noqa: ARG002 (canned)
        """Give the sentence."""
        yield self._replies.get(language) or self._replies["en"]

    async def check(self) -> None:
        """Nothing to ask."""

    async def close(self) -> None:
        """Nothing is kept open."""
