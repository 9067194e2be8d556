"""Listen: a recording of any length to its words, piece by piece.

A memo that Whisper takes at once is one piece, and goes its way as if there were no others. A longer one is cut at its
pauses (audio/pieces.py), and a few pieces are listened to side by side, each by the whole ladder.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from audio.loudness import is_silent, measure
from audio.pieces import cut
from consumer import budget
from providers.errors import LadderExhausted
from providers.hallucinations import is_hallucination

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from audio.clip import Clip
    from audio.pieces import Piece
    from consumer.progress import Progress
    from providers.ladder import Ladder, Served
    from providers.ports import Transcriber, Transcript

    Expected = Callable[[], Awaitable[str]]
    """Gives the language that the person is expected to speak, a primary subtag; who need not know need not wait."""
    Transcribers = Callable[[Clip, Expected], Awaitable[Served[Transcript]]]

T = TypeVar("T")

_AT_ONCE = 4
"""Pieces in flight: half an hour is some 20 rounds, and no more than these are in memory beside the whole."""
_LAST_BEGIN_SECONDS = 600.0
"""No piece begins later, in seconds: where every rung hangs, half an hour would else go on for longer than it lasts."""
_LOST = "piece-lost"


@dataclass(frozen=True, slots=True)
class Part:
    """What became of a piece in which something is said."""

    speech_seconds: float
    """How long a voice is heard in it, in seconds."""
    rung: str | None = None
    """Who made the words out; None when nobody could."""
    words: str = field(default="", repr=False)
    """Empty, too, where they were imagined."""
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Listened:
    """What became of a recording."""

    parts: tuple[Part, ...]
    """In order; without the pieces that are silent."""

    @property
    def lost(self) -> bool:
        """Whether a part could not be made out."""
        return any(part.rung is None for part in self.parts)

    @property
    def words(self) -> str:
        """The words of all parts."""
        return " ".join(part.words for part in self.parts if part.words)

    @property
    def rung(self) -> str | None:
        """Who made out the most speech; None when nobody did."""
        return _longest((part.rung, part.speech_seconds) for part in self.parts if part.rung is not None)

    @property
    def language(self) -> str | None:
        """What the most speech is reported to be in; None when, for the most of it, nothing is reported."""
        return _longest((part.language, part.speech_seconds) for part in self.parts if part.words)


async def listen(
    wav: Clip, ladder: Ladder[[Clip, Expected], Transcript], progress: Progress, expected: Expected
) -> Listened:
    """Listen to a 16 kHz mono s16 WAV, in which `expected` tells what is most likely spoken.

    Nothing is stored before the last piece is done: a memo that is resumed after a crash in the middle pays for its
    pieces again. A piece that every rung fails is lost, and the others are not; the story tells of each piece, when
    there are several. What is no ProviderError passes through, and the other pieces end at once.
    """
    pieces = await asyncio.to_thread(cut, wav)
    transcribers: Transcribers = ladder
    if len(pieces) == 1:  # of a longer one each piece has the whole ladder's time, for it cannot be heard sooner
        transcribers = ladder.within(progress.budget.part(budget.HEAR))
    listening = _Listening(transcribers, progress, expected, told=len(pieces) > 1)
    tasks = [asyncio.ensure_future(listening.to(piece, number)) for number, piece in enumerate(pieces, 1)]
    try:
        parts = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return Listened(tuple(part for part in parts if part is not None))


class _Listening:
    """What the pieces of one recording share."""

    def __init__(self, transcribers: Transcribers, progress: Progress, expected: Expected, *, told: bool) -> None:
        self._transcribers = transcribers
        self._expected = expected
        self._progress = progress
        self._told = told
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._last_begin = asyncio.get_running_loop().time() + _LAST_BEGIN_SECONDS

    async def to(self, piece: Piece, number: int) -> Part | None:
        """Listen to a piece when it is its turn; None when it is silent."""
        async with self._slots:
            begun = self._progress.clock()
            part, error = await self._heard(piece)
        if self._told:
            rung = "silence" if part is None else part.rung
            self._progress.part(f"hear-{number}", self._progress.clock() - begun, rung, error)
        return part

    async def _heard(self, piece: Piece) -> tuple[Part | None, str | None]:
        """Give what became of a piece, and a constant word for what went wrong."""
        clip, speech_seconds = await asyncio.to_thread(_opened, piece)
        if speech_seconds is None:
            return None, None
        if asyncio.get_running_loop().time() > self._last_begin:
            return Part(speech_seconds), _LOST
        try:
            served = await self._transcribers(clip, self._expected)
        except LadderExhausted as exhausted:
            self._progress.fell(exhausted.attempts)
            return Part(speech_seconds), _LOST
        self._progress.fell(served.attempts)
        text, language = served.value.text, served.value.language
        if is_hallucination(text, seconds=piece.seconds, speech_seconds=speech_seconds):
            return Part(speech_seconds, served.rung), "hallucination"
        return Part(speech_seconds, served.rung, text, language), None


def ears(name: str, transcriber: Transcriber) -> Callable[[Clip, Expected], Awaitable[Transcript]]:
    """Make a rung of a transcriber: of any language, but for the local one, which takes every other for English."""

    async def call(speech: Clip, expected: Expected) -> Transcript:
        return await transcriber.transcribe(speech, language=await expected() if name == "local" else None)

    return call


def _opened(piece: Piece) -> tuple[Clip, float | None]:
    """Copy the sound of a piece; say how long a voice is heard in it, in seconds, or None when it is silent."""
    clip = piece.clip()
    loudness = measure(clip)
    return clip, None if is_silent(loudness) else loudness.voiced_seconds


def _longest(spans: Iterable[tuple[T, float]]) -> T | None:
    """Give what has the most seconds in total; the first of those that have as many."""
    total: Counter[T] = Counter()
    for what, seconds in spans:
        total[what] += seconds  # type: ignore[assignment] # a Counter adds up any number; its stub knows int only
    return max(total, key=lambda what: total[what], default=None)
