"""Speak: Answering → Spoken. The reply becomes a voice memo; it is being spoken while it is still written."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from audio import clips
from audio.clips import Line
from audio.errors import TranscodeError
from consumer import budget
from consumer.draft import Discarded, Draft, Drafts
from consumer.memo import Spoken
from consumer.stages.chorus import Chorus

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from audio.clip import Clip
    from audio.transcode import Transcoder
    from consumer.memo import Answering
    from consumer.progress import Progress, Timing
    from providers.ladder import Ladder, Served
    from providers.ports import Synthesizer


@dataclass(frozen=True, slots=True)
class Voiced:
    """A finished clip, and what it says."""

    clip: Clip
    said: str = field(repr=False)


class Rehearsal:
    """The reply of one memo, spoken while it is written."""

    def __init__(self, voices: Ladder[[Draft], Voiced], progress: Progress) -> None:
        self.drafts = Drafts()
        """Where the repliers write."""
        self._voices = voices
        self._progress = progress
        self._speaking: Task[Served[Voiced]] = asyncio.create_task(self._speak(), name="rehearsal")

    async def of(self, answering: Answering) -> Served[Voiced] | None:
        """Give the voice of this reply, as soon as it is whole; None where it was not written as a draft."""
        draft = self.drafts.latest
        if draft is None or draft.text != answering.text:
            return None
        return await self._speaking

    async def close(self) -> None:
        """End it, wherever it is."""
        self._speaking.cancel()
        await asyncio.gather(self._speaking, return_exceptions=True)

    async def _speak(self) -> Served[Voiced]:
        """Speak one draft after the other, until one ends whole."""
        draft = None
        while True:
            draft = await self.drafts.after(draft)
            try:
                await draft.started()
                served = await self._voices.within(self._progress.budget.part(budget.SPEAK))(draft)
                await draft.settled()  # some rungs serve before they have read it to its end
            except Discarded:
                continue
            return served


@dataclass(frozen=True, slots=True)
class Speak:
    """Gives the reply a voice; whatever fails, the last rung is a file in the package."""

    voices: Ladder[[Draft], Voiced]

    @asynccontextmanager
    async def rehearsing(self, progress: Progress) -> AsyncIterator[Rehearsal]:
        """Speak while the block writes the reply."""
        rehearsal = Rehearsal(self.voices, progress)
        try:
            yield rehearsal
        finally:
            await rehearsal.close()

    async def __call__(self, answering: Answering, progress: Progress, timing: Timing, rehearsal: Rehearsal) -> Spoken:
        """Speak the reply; a pre-written line has its recording already, and asks nobody."""
        if answering.line is not None:
            timing.rung = "clip"
            return Spoken(answering, clips.clip(answering.line, answering.language), answering.text, "clip")
        served = await rehearsal.of(answering)
        if served is None:
            voices = self.voices.within(progress.budget.part(budget.SPEAK))
            served = await voices(Draft.whole(answering.text, answering.language))
        progress.fell(served.attempts)
        timing.rung = served.rung
        return Spoken(answering, served.value.clip, served.value.said, served.rung)


def whole_speech(
    service: str, synthesizer: Synthesizer, transcoder: Transcoder
) -> Callable[[Draft], Awaitable[Voiced]]:
    """Make a rung of a synthesizer: the reply as M4A, or as WAV when it cannot be encoded."""

    async def call(draft: Draft) -> Voiced:
        clip = await _voiced(Chorus(service, synthesizer, draft), transcoder, synthesizer.sample_rate)
        return Voiced(clip, draft.text)

    return call


def short_speech(
    service: str, synthesizer: Synthesizer, transcoder: Transcoder
) -> Callable[[Draft], Awaitable[Voiced]]:
    """Make a rung of the same synthesizer with the short line, for when it is the reply that it stumbles over."""
    speech = whole_speech(service, synthesizer, transcoder)

    async def call(draft: Draft) -> Voiced:
        return await speech(Draft.whole(*clips.words(Line.GOT_IT, draft.language)))

    return call


async def recorded(draft: Draft) -> Voiced:
    """Be the last rung: the short line, pre-rendered; no network, no ffmpeg, no key."""
    text, language = clips.words(Line.GOT_IT, draft.language)
    return Voiced(clips.clip(Line.GOT_IT, language), text)


async def _voiced(chorus: Chorus, transcoder: Transcoder, sample_rate: int) -> Clip:
    kept: list[bytes] = []
    async with chorus.speaking() as speech:
        try:
            async with aclosing(_keeping(speech, kept)) as pieces:
                return await transcoder.encode(pieces, sample_rate=sample_rate)
        except TranscodeError:
            kept.extend([piece async for piece in speech])
    async with aclosing(_each(kept)) as pieces:
        return await transcoder.wav(pieces, sample_rate=sample_rate)


async def _keeping(speech: AsyncIterator[bytes], kept: list[bytes]) -> AsyncGenerator[bytes]:
    """Pass the pieces on, and keep them for the case that they cannot be encoded."""
    async for piece in speech:
        kept.append(piece)
        yield piece


async def _each(pieces: list[bytes]) -> AsyncGenerator[bytes]:
    for piece in pieces:
        yield piece
