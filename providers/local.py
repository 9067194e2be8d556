"""Engines that need no network and no key: pocketsphinx, espeak-ng, and canned replies."""

from __future__ import annotations

import json
from contextlib import aclosing
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from audio.errors import EngineError
from audio.espeak import LONGEST_TEXT, SAMPLE_RATE, VOICES
from audio.sphinx import LANGUAGE
from providers.errors import NoVoice, Rejected, Unavailable
from providers.pcm import sayable
from providers.ports import Transcript

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

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

    async def warm(self) -> None:
        """Nothing to open."""

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

    async def speak(self, text: str, *, language: str, before: str = "", after: str = "") -> AsyncGenerator[bytes]:  # noqa: ARG002 (its wire takes none)
        """Stream mono s16le PCM. Raises NoVoice for a language that it does not speak."""
        if language not in VOICES:
            raise NoVoice(SERVICE)
        said = sayable(SERVICE, text)
        if len(said) > LONGEST_TEXT:
            raise Rejected(SERVICE, "too long to be spoken whole")
        try:
            async with aclosing(self._voice.speak(said, language=language)) as pieces:
                async for piece in pieces:
                    yield piece
        except EngineError as error:
            raise Unavailable(SERVICE, "engine") from error

    async def check(self) -> None:
        """Nothing to ask: the engine is in the package."""

    async def warm(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing is kept open."""


def canned_reply(language: str) -> str:
    """Give one honest sentence in a language, where it is one of those in replies.json; else in English."""
    replies = _replies()
    return replies.get(language) or replies["en"]


@cache
def _replies() -> dict[str, str]:
    replies: dict[str, str] = json.loads((resources.files(__package__) / "replies.json").read_text("utf-8"))
    return replies


class CannedReplier:
    """Says one honest sentence in the person's language, as far as we know it."""

    async def reply(self, turns: Sequence[ChatTurn], *, language: str) -> AsyncGenerator[str]:  # noqa: ARG002 (canned)
        """Give the sentence."""
        yield canned_reply(language)

    async def check(self) -> None:
        """Nothing to ask."""

    async def warm(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing is kept open."""
