"""Speech recognition of recordings of any length, piece by piece."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from audio.loudness import LEAST_VOICED_SECONDS, voiced_seconds
from audio.pieces import cut_at_pauses
from conversation import budget
from conversation.hearing.hallucinations import is_hallucination
from providers.errors import LadderExhausted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from audio.clip import Clip
    from audio.pieces import Piece
    from conversation.turn import Turn
    from providers.fallback.ladder import Ladder, Served
    from providers.ports import Transcriber, Transcript

    ExpectedLanguage = Callable[[], Awaitable[str]]
    """Returns the expected language, a primary subtag."""
    Transcribers = Callable[[Clip, ExpectedLanguage], Awaitable[Served[Transcript]]]

T = TypeVar("T")

_AT_ONCE = 4  # pieces in flight; half an hour is some 20 rounds
_LAST_BEGIN_SECONDS = 600.0  # no piece begins later, or half an hour could take longer than it lasts
_LOST = "piece-lost"


@dataclass(frozen=True, slots=True)
class HeardPart:
    """A piece with speech in it."""

    speech_seconds: float
    rung: str | None = None  # None if every rung failed
    words: str = field(default="", repr=False)  # empty if they were hallucinated
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Recognition:
    """A recording, without its silent parts."""

    parts: tuple[HeardPart, ...]

    @property
    def lost(self) -> bool:
        """Whether a part could not be recognised."""
        return any(part.rung is None for part in self.parts)

    @property
    def words(self) -> str:
        """The words of all parts."""
        return " ".join(part.words for part in self.parts if part.words)

    @property
    def rung(self) -> str | None:
        """The rung of the most speech."""
        return _longest((part.rung, part.speech_seconds) for part in self.parts if part.rung is not None)

    @property
    def language(self) -> str | None:
        """The language reported for the most speech."""
        return _longest((part.language, part.speech_seconds) for part in self.parts if part.words)


async def listen(
    wav: Clip, ladder: Ladder[[Clip, ExpectedLanguage], Transcript], turn: Turn, expected: ExpectedLanguage
) -> Recognition:
    """Recognise a 16 kHz mono s16 WAV; a piece that every rung fails is lost. After a crash all are paid for again."""
    pieces = await asyncio.to_thread(cut_at_pauses, wav)
    transcribers: Transcribers = ladder
    if len(pieces) == 1:  # each piece of a longer recording has the whole time of the ladder
        transcribers = ladder.within(turn.budget.share(budget.HEAR))
    listening = _Listening(transcribers, turn, expected, reported=len(pieces) > 1)
    tasks = [asyncio.ensure_future(listening.to(piece, number)) for number, piece in enumerate(pieces, 1)]
    try:
        parts = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return Recognition(tuple(part for part in parts if part is not None))


class _Listening:
    def __init__(self, transcribers: Transcribers, turn: Turn, expected: ExpectedLanguage, *, reported: bool) -> None:
        self._transcribers = transcribers
        self._expected = expected
        self._turn = turn
        self._reported = reported
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._last_begin = asyncio.get_running_loop().time() + _LAST_BEGIN_SECONDS

    async def to(self, piece: Piece, number: int) -> HeardPart | None:
        async with self._slots:
            begun = self._turn.clock()
            part, error = await self._recognise(piece)
        if self._reported:
            rung = "silence" if part is None else part.rung
            self._turn.report_part(f"hear-{number}", self._turn.clock() - begun, rung, error)
        return part

    async def _recognise(self, piece: Piece) -> tuple[HeardPart | None, str | None]:
        clip, speech_seconds = await asyncio.to_thread(_measure, piece)
        if speech_seconds is None:
            return None, None
        if asyncio.get_running_loop().time() > self._last_begin:
            return HeardPart(speech_seconds), _LOST
        try:
            served = await self._transcribers(clip, self._expected)
        except LadderExhausted as exhausted:
            self._turn.report_attempts(exhausted.attempts)
            return HeardPart(speech_seconds), _LOST
        self._turn.report_attempts(served.attempts)
        text, language = served.value.text, served.value.language
        if is_hallucination(text, seconds=piece.seconds, speech_seconds=speech_seconds):
            return HeardPart(speech_seconds, served.rung), "hallucination"
        return HeardPart(speech_seconds, served.rung, text, language), None


def transcriber_rung(name: str, transcriber: Transcriber) -> Callable[[Clip, ExpectedLanguage], Awaitable[Transcript]]:
    """Return a rung of a transcriber; only the local one, which knows English alone, gets the language."""

    async def call(speech: Clip, expected: ExpectedLanguage) -> Transcript:
        return await transcriber.transcribe(speech, language=await expected() if name == "local" else None)

    return call


def _measure(piece: Piece) -> tuple[Clip, float | None]:
    """Return a piece's sound, and its seconds of speech; None if it is silent."""
    clip = piece.clip()
    seconds = voiced_seconds(clip)
    return clip, seconds if seconds >= LEAST_VOICED_SECONDS else None


def _longest(spans: Iterable[tuple[T, float]]) -> T | None:
    total: dict[T, float] = {}
    for what, seconds in spans:
        total[what] = total.get(what, 0.0) + seconds
    return max(total, key=lambda what: total[what], default=None)
