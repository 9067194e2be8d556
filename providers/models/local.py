"""Engines without network and key."""

from __future__ import annotations

import json
from contextlib import aclosing
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

from audio.engines.espeak import LONGEST_TEXT, SAMPLE_RATE, VOICES
from audio.engines.sphinx import LANGUAGE
from audio.errors import EngineError
from providers.errors import NoVoice, Rejected, Unavailable
from providers.models.pcm import require_words
from providers.ports import Transcript

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from audio.clip import Clip
    from audio.engines.espeak import EspeakVoice
    from audio.engines.sphinx import SphinxRecognizer
    from providers.ports import ChatTurn

SERVICE = "local"


class _Offline:
    """Has no service to check, and no connections."""

    async def check(self) -> None: ...

    async def warm(self) -> None: ...

    async def close(self) -> None: ...


class LocalTranscriber(_Offline):
    """Transcriber for English; another language is refused rather than guessed at."""

    def __init__(self, recognizer: SphinxRecognizer) -> None:
        self._recognizer = recognizer

    async def transcribe(self, speech: Clip, *, language: str | None = None) -> Transcript:
        if language not in {None, LANGUAGE}:
            raise Rejected(SERVICE, "knows English only")
        try:
            return Transcript(await self._recognizer.listen(speech), LANGUAGE)
        except EngineError as error:
            raise Unavailable(SERVICE, "engine") from error


class LocalSynthesizer(_Offline):
    """Synthesizer on espeak-ng."""

    sample_rate: Final = SAMPLE_RATE

    def __init__(self, voice: EspeakVoice) -> None:
        self._voice = voice

    async def speak(self, text: str, *, language: str, before: str = "", after: str = "") -> AsyncGenerator[bytes]:  # noqa: ARG002 (its wire takes none)
        if language not in VOICES:
            raise NoVoice(SERVICE)
        sendable = require_words(SERVICE, text)
        if len(sendable) > LONGEST_TEXT:
            raise Rejected(SERVICE, "too long to be spoken whole")
        try:
            async with aclosing(self._voice.speak(sendable, language=language)) as pieces:
                async for piece in pieces:
                    yield piece
        except EngineError as error:
            raise Unavailable(SERVICE, "engine") from error


class CannedReplier(_Offline):
    """Replier without a model: one honest sentence per language."""

    async def reply(self, turns: Sequence[ChatTurn], *, language: str) -> AsyncGenerator[str]:  # noqa: ARG002 (canned)
        yield canned_reply(language)


def canned_reply(language: str) -> str:
    """Return the sentence in a language (primary subtag), else in English."""
    return _replies().get(language) or _replies()["en"]


@cache
def _replies() -> dict[str, str]:
    replies: dict[str, str] = json.loads((resources.files(__package__) / "replies.json").read_text("utf-8"))
    return replies
