"""Minds: what the simulated models hear, answer and speak with."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import re
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from audio.clip import Clip, pcm_of
from audio.engines.espeak import SAMPLE_RATE, VOICES, EspeakVoice
from audio.engines.sphinx import SphinxRecognizer
from audio.errors import AudioError
from audio.formats import Format, sniff
from audio.loudness import voiced_seconds
from audio.transcode import Transcoder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_LANGUAGE_CODE = re.compile(r"\(language code: ([a-z]{2})\)")
_REPLIES = {
    "en": "I heard you say: {words}. Thank you for telling me!",
    "fr": "Tu m'as dit : {words}. Merci de me l'avoir dit !",
    "es": "Me has dicho: {words}. ¡Gracias por contármelo!",
    "de": "Du hast gesagt: {words}. Danke, dass du mir das erzählst!",
    "hi": "आपने कहा: {words}। बताने के लिए धन्यवाद!",
    "it": "Mi hai detto: {words}. Grazie per avermelo raccontato!",
    "pt": "Você me disse: {words}. Obrigado por me contar!",
    "zh": "你对我说「{words}」。谢谢你告诉我。",
    "ja": "「{words}」とおっしゃいましたね。教えてくれてありがとうございます。",
    "ar": "لقد قلت لي: {words}. شكرا لأنك أخبرتني!",
}
_ECHOED_WORDS = 40


class Mind(Protocol):
    """The models behind the simulated vendors."""

    async def hear(self, wav: bytes) -> str:
        """Transcribe a 16 kHz mono WAV."""

    async def language(self, wav: bytes) -> str:
        """Identify its language: a primary subtag."""

    async def reply(self, turns: Sequence[Mapping[str, str]]) -> str:
        """Answer chat turns of the OpenAI wire."""

    async def speak(self, text: str, *, language: str, sample_rate: int) -> bytes:
        """Synthesise mono s16le PCM at `sample_rate` Hz."""


def answer_to(turns: Sequence[Mapping[str, str]]) -> str:
    """Repeat the last user turn, in the language that the system turn asks for."""
    system = next((turn["content"] for turn in turns if turn.get("role") == "system"), "")
    found = _LANGUAGE_CODE.search(system)
    said = next((turn["content"] for turn in reversed(turns) if turn.get("role") == "user"), "")
    words = " ".join(said.split()[:_ECHOED_WORDS]).rstrip(".!?।")
    return _REPLIES.get(found.group(1) if found else "en", _REPLIES["en"]).format(words=words)


@dataclass(slots=True)
class ScriptedMind:
    """Instant and without engines: scripted words, repeated as an answer, and a hum."""

    words: str = "hello there, how are you today"
    spoken: str = "en"  # their language, a primary subtag
    answer: str | None = None  # its answer to anything; it repeats when None

    async def hear(self, wav: bytes) -> str:  # noqa: ARG002 (scripted)
        """Return `words`."""
        return self.words

    async def language(self, wav: bytes) -> str:  # noqa: ARG002 (the same)
        """Return `spoken`."""
        return self.spoken

    async def reply(self, turns: Sequence[Mapping[str, str]]) -> str:
        """Return `answer`, or repeat."""
        return answer_to(turns) if self.answer is None else self.answer

    async def speak(self, text: str, *, language: str, sample_rate: int) -> bytes:  # noqa: ARG002 (a hum has none)
        """Hum for as long as the text would take: 60 ms a character."""
        return _hum(round(len(text) * 0.06 * sample_rate), sample_rate)


@dataclass(slots=True)
class EngineMind:
    """Local engines for English; one of our own recordings in another language is heard as its script."""

    recognizer: SphinxRecognizer
    voice: EspeakVoice
    scripts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """SHA-256 of a recording's decoded samples → (language, words)."""
    scripted: int = 0  # count of recordings heard as their script

    async def hear(self, wav: bytes) -> str:
        """Recognise English, or return the script."""
        clip = Clip(wav, Format.WAV)
        language, words = self._script(clip)
        if language != "en":
            self.scripted += 1
            return words
        if await asyncio.to_thread(voiced_seconds, clip) == 0:
            return ""
        return await self.recognizer.listen(clip)

    async def language(self, wav: bytes) -> str:
        """Return the language of our own recordings; English for others."""
        return self._script(Clip(wav, Format.WAV))[0]

    async def reply(self, turns: Sequence[Mapping[str, str]]) -> str:
        """Repeat what was said, in its language."""
        return answer_to(turns)

    async def speak(self, text: str, *, language: str, sample_rate: int) -> bytes:
        """Speak with espeak-ng."""
        language = language if language in VOICES else "en"
        pcm = b"".join([piece async for piece in self.voice.speak(text, language=language)])
        return await asyncio.to_thread(resampled, pcm, SAMPLE_RATE, sample_rate)

    def _script(self, clip: Clip) -> tuple[str, str]:
        return self.scripts.get(_digest(clip), ("en", ""))


async def engine_mind(fixtures: Path) -> EngineMind:
    """Make a mind with the local engines, and the scripts of our own recordings if these are there."""
    manifest = fixtures / "memos.json"
    scripts = await _load_scripts(manifest, fixtures / "memos", Transcoder()) if manifest.exists() else {}
    return EngineMind(SphinxRecognizer(processes=2), EspeakVoice(), scripts)


async def _load_scripts(manifest: Path, memos: Path, transcoder: Transcoder) -> dict[str, tuple[str, str]]:
    scripts = {}
    for entry in json.loads(await asyncio.to_thread(manifest.read_text, "utf-8")):
        data = await asyncio.to_thread((memos / entry["file"]).read_bytes)
        try:
            wav = await transcoder.decode(Clip(data, sniff(data)))
        except AudioError:
            continue
        scripts[_digest(wav)] = (entry["language"] or "en", entry["words"])
    return scripts


def _digest(wav: Clip) -> str:
    return hashlib.sha256(pcm_of(wav)).hexdigest()


def resampled(pcm: bytes, rate: int, wanted: int) -> bytes:
    """Change the sampling rate by linear interpolation: good enough for a synthetic voice."""
    samples = np.frombuffer(pcm, dtype="<i2")
    if rate == wanted or not samples.size:
        return pcm
    at = np.arange(int(samples.size * wanted / rate)) * (rate / wanted)
    interpolated: bytes = np.interp(at, np.arange(samples.size), samples).astype("<i2").tobytes()
    return interpolated


def _hum(count: int, sample_rate: int) -> bytes:
    period = max(1, sample_rate // 220)
    one = array("h", (round(8000 * math.sin(2 * math.pi * index / period)) for index in range(period)))
    return (one * (count // period + 1)).tobytes()[: count * 2]
