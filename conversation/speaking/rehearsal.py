"""Speech of a reply while it is written, and the rungs that speak."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from audio import clips
from audio.clips import Line
from audio.errors import TranscodeError
from conversation import budget
from conversation.draft import Discarded, StreamedReplies, StreamedReply
from conversation.speaking.pieces import OrderedSpeech
from providers.errors import NoVoice

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from audio.clip import Clip
    from audio.transcode import Transcoder
    from conversation.turn import Turn
    from providers.fallback.ladder import Ladder, Served
    from providers.ports import Synthesizer


@dataclass(frozen=True, slots=True)
class Voiced:
    """A finished clip, and what it says."""

    clip: Clip
    said: str = field(repr=False)


class Rehearsal:
    """One reply, spoken while repliers write it into `drafts`: enter it before they begin."""

    def __init__(self, voices: Ladder[[StreamedReply], Voiced], turn: Turn) -> None:
        self.drafts = StreamedReplies()
        self._voices = voices
        self._turn = turn

    async def __aenter__(self) -> Self:
        self._speaking: Task[Served[Voiced]] = asyncio.create_task(self._rehearse(), name="rehearsal")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._speaking.cancel()
        await asyncio.gather(self._speaking, return_exceptions=True)

    async def speak(self, text: str, language: str) -> Served[Voiced]:
        """Return the voice of the complete draft; without one, speak the text now. Raises LadderExhausted."""
        draft = self.drafts.latest
        rehearsed = draft is not None and draft.ended
        served = await (self._speaking if rehearsed else self._speak(StreamedReply.whole(text, language)))
        self._turn.report_attempts(served.attempts)
        return served

    async def _speak(self, draft: StreamedReply) -> Served[Voiced]:
        return await self._voices.within(self._turn.budget.share(budget.SPEAK))(draft)

    async def _rehearse(self) -> Served[Voiced]:
        draft = None
        while True:
            draft = await self.drafts.after(draft)
            try:
                await draft.wait_started()
                served = await self._speak(draft)
                await draft.wait_complete()  # some rungs serve before they have read it to its end
            except Discarded:
                continue
            return served


def synthesizer_rung(
    service: str, synthesizer: Synthesizer, transcoder: Transcoder
) -> Callable[[StreamedReply], Awaitable[Voiced]]:
    """Return a rung that speaks the reply: as M4A, or as WAV if it cannot be encoded."""

    async def call(draft: StreamedReply) -> Voiced:
        clip = await _encoded(OrderedSpeech(service, synthesizer, draft), transcoder, synthesizer.sample_rate)
        return Voiced(clip, draft.text)

    return call


def short_line_rung(
    service: str, synthesizer: Synthesizer, transcoder: Transcoder
) -> Callable[[StreamedReply], Awaitable[Voiced]]:
    """Return a rung that speaks a short line, in case the reply is the trouble; NoVoice in a language without one."""
    speech = synthesizer_rung(service, synthesizer, transcoder)

    async def call(draft: StreamedReply) -> Voiced:
        if draft.language not in clips.LANGUAGES:  # the local voice may know it
            raise NoVoice(service)
        return await speech(StreamedReply.whole(*clips.text_of(Line.GOT_IT, draft.language)))

    return call


async def recorded_line(draft: StreamedReply) -> Voiced:
    """Return the short line's pre-rendered clip: no network, no ffmpeg, no key."""
    text, language = clips.text_of(Line.GOT_IT, draft.language)
    return Voiced(clips.clip(Line.GOT_IT, language), text)


async def _encoded(ordered: OrderedSpeech, transcoder: Transcoder, sample_rate: int) -> Clip:
    kept: list[bytes] = []
    async with ordered.speaking() as speech:
        try:
            async with aclosing(_keeping(speech, kept)) as pieces:
                return await transcoder.encode(pieces, sample_rate=sample_rate)
        except TranscodeError:
            kept.extend([piece async for piece in speech])
    async with aclosing(_each(kept)) as pieces:
        return await transcoder.wav(pieces, sample_rate=sample_rate)


async def _keeping(speech: AsyncIterator[bytes], kept: list[bytes]) -> AsyncGenerator[bytes]:
    async for piece in speech:
        kept.append(piece)
        yield piece


async def _each(pieces: list[bytes]) -> AsyncGenerator[bytes]:
    for piece in pieces:
        yield piece
