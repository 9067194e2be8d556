"""Speak: Answering → Spoken. The reply becomes a voice memo."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from audio import clips
from audio.clips import Line
from audio.errors import TranscodeError
from consumer.memo import Spoken
from providers.errors import BadAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from audio.clip import Clip
    from audio.transcode import Transcoder
    from consumer.memo import Answering
    from consumer.progress import Progress, Timing
    from providers.ladder import Ladder
    from providers.ports import Synthesizer


@dataclass(frozen=True, slots=True)
class Voiced:
    """A finished clip, and what it says."""

    clip: Clip
    said: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Speak:
    """Gives the reply a voice; whatever fails, the last rung is a file in the package."""

    voices: Ladder[[Answering], Voiced]

    async def __call__(self, answering: Answering, progress: Progress, timing: Timing) -> Spoken:
        """Speak the reply; a pre-written line has its recording already, and asks nobody."""
        if answering.line is not None:
            timing.rung = "clip"
            return Spoken(answering, clips.clip(answering.line, answering.language), answering.text, "clip")
        served = await self.voices(answering)
        progress.fell(served.attempts)
        timing.rung = served.rung
        return Spoken(answering, served.value.clip, served.value.said, served.rung)


def whole_speech(
    service: str, synthesizer: Synthesizer, transcoder: Transcoder
) -> Callable[[Answering], Awaitable[Voiced]]:
    """Make a rung of a synthesizer: the reply as M4A, or as WAV when it cannot be encoded."""

    async def call(answering: Answering) -> Voiced:
        return await _voiced(service, synthesizer, transcoder, answering.text, answering.language)

    return call


def short_speech(
    service: str, synthesizer: Synthesizer, transcoder: Transcoder
) -> Callable[[Answering], Awaitable[Voiced]]:
    """Make a rung of the same synthesizer with the short line, for when it is the reply that it stumbles over."""

    async def call(answering: Answering) -> Voiced:
        text, language = clips.words(Line.GOT_IT, answering.language)
        return await _voiced(service, synthesizer, transcoder, text, language)

    return call


async def recorded(answering: Answering) -> Voiced:
    """Be the last rung: the short line, pre-rendered; no network, no ffmpeg, no key."""
    text, language = clips.words(Line.GOT_IT, answering.language)
    return Voiced(clips.clip(Line.GOT_IT, language), text)


async def _voiced(service: str, synthesizer: Synthesizer, transcoder: Transcoder, text: str, language: str) -> Voiced:
    pcm: list[bytes] = []
    rate = synthesizer.sample_rate
    async with aclosing(_stream(synthesizer, text, language)) as speech, aclosing(_kept(speech, pcm)) as pieces:
        try:
            return Voiced(await transcoder.encode(pieces, sample_rate=rate), text)
        except TranscodeError:
            pcm.extend([piece async for piece in speech])
    if not any(pcm):
        raise BadAnswer(service, "no sound")
    async with aclosing(_pieces(pcm)) as pieces:
        return Voiced(await transcoder.wav(pieces, sample_rate=rate), text)


async def _kept(speech: AsyncIterator[bytes], pcm: list[bytes]) -> AsyncGenerator[bytes]:
    """Pass the pieces on, and keep them for the case that they cannot be encoded."""
    async for piece in speech:
        pcm.append(piece)
        yield piece


async def _stream(synthesizer: Synthesizer, text: str, language: str) -> AsyncGenerator[bytes]:
    async for piece in synthesizer.speak(text, language=language):
        yield piece


async def _pieces(pieces: list[bytes]) -> AsyncGenerator[bytes]:
    for piece in pieces:
        yield piece
