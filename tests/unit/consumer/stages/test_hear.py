"""Hear: long memos in pieces, lost pieces, hallucinations, and the steps of the story."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from audio.clip import Clip, pcm_of, wav_clip
from audio.clips import Line
from audio.formats import Format
from audio.pieces import cut_at_pauses
from consumer.memo.endings import Apology
from consumer.memo.lease import Lease
from consumer.memo.progress import Progress
from consumer.memo.states import AbsentAudio, Decoded, Fetched, Heard, Memo
from consumer.notices import Notice, Notices
from consumer.stages.hear import Hear
from conversation.hearing.listen import transcriber_rung
from conversation.notices import RungFailed
from providers.errors import Rejected, Unavailable
from providers.fallback.ladder import Ladder, Rung
from providers.ports import Transcript
from storage.history import PastTurn
from storage.ledger import Claim, MemoKey
from storage.states import State
from tests.harness.virtual_time import in_virtual_time
from tests.unit.audio.recordings import RATE, Samples, loud, pcm, voice

if TYPE_CHECKING:
    from collections.abc import Callable

    from conversation.hearing.listen import ExpectedLanguage
KEY = MemoKey("51", "1")
Script = dict[int, str | Transcript | Exception]


@cache
def speech() -> Samples:
    """Two minutes, ever quieter: no stretch of it comes twice."""
    once = voice(12.0)
    return np.concatenate([loud(once, -20.0 - times) for times in range(10)])


def wav(*parts: Samples) -> Clip:
    """As decode() makes it."""
    return wav_clip(pcm(np.concatenate(parts)), sample_rate=RATE)


def decoded(clip: Clip) -> Decoded:
    """A memo that is about to be heard."""
    memo = Memo("51", "1", "", datetime(2026, 1, 1, tzinfo=UTC), (AbsentAudio(),))
    return Decoded(Fetched(memo, Clip(b"", Format.CAF)), clip)


@dataclass
class ScriptedTranscriber:
    """Hears in each piece (by its number, from 1) what the script says; else w1, w2 and so on."""

    whole: Clip
    script: Script = field(default_factory=dict)
    seconds: Callable[[int], float] = field(default=lambda number: 10.0 / number)  # the later, the sooner
    asked: list[int] = field(default_factory=list)
    now: int = 0
    most: int = 0

    async def __call__(self, clip: Clip) -> Transcript:
        """Hear a piece."""
        begins = [piece.begin for piece in cut_at_pauses(self.whole)]
        number = begins.index(pcm_of(self.whole).index(pcm_of(clip)) // 2) + 1
        self.asked.append(number)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.seconds(number))
        finally:
            self.now -= 1
        said = self.script.get(number, f"w{number}")
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, Transcript) else Transcript(said)


@dataclass
class Ran:
    """A stage that has run: what it returned or raised, and its notices."""

    progress: Progress
    notices: list[Notice]
    given: Heard | None = None
    apology: Apology | None = None

    def steps(self) -> list[tuple[str, str | None, str | None]]:
        """The story."""
        return sorted(((step.stage, step.rung, step.error) for step in self.progress.steps), key=str)


def hears(transcriber: Callable[[Clip], Any]) -> Callable[[Clip, ExpectedLanguage], Any]:
    """Make a rung of a transcriber that need not know what language to expect."""

    async def call(clip: Clip, expected: ExpectedLanguage) -> Any:  # noqa: ANN401 (whatever they hear)
        del expected
        return await transcriber(clip)

    return call


async def hear(clip: Clip, *transcribers: Callable[[Clip], Any], deadline_seconds: float = 15.0) -> Ran:
    """Run the stage, with a rung for each transcriber."""
    rungs = [Rung(f"rung-{number}", hears(each), deadline_seconds) for number, each in enumerate(transcribers, 1)]
    return await staged(clip, Ladder("hear", *rungs, budget_seconds=45.0))


async def staged(
    clip: Clip, ladder: Ladder[[Clip, ExpectedLanguage], Transcript], turns: tuple[PastTurn, ...] = ()
) -> Ran:
    """Run the stage, after these turns."""
    notices: list[Notice] = []
    claim = Claim(KEY, 1, State.RECEIVED, {})
    lease = Lease(cast("Any", None), claim, seconds=1.0, asked_at=0.0, clock=lambda: 0.0)
    progress = Progress(lease, Notices(notices.append))
    ran = Ran(progress, notices)

    async def past() -> tuple[PastTurn, ...]:
        return turns

    recalling = asyncio.ensure_future(past())
    try:
        with progress.stage("hear") as timing:
            ran.given = await Hear(ladder, "en")(decoded(clip), recalling, progress)
            timing.rung = ran.given.rung
    except Apology as apology:
        ran.apology = apology
    await recalling
    return ran


@in_virtual_time
async def test_a_short_memo_is_one_piece() -> None:
    """It is given to the recogniser as it is, and the story has one line."""
    whole = wav(speech()[: 5 * RATE])
    given: list[Clip] = []

    async def transcriber(clip: Clip) -> Transcript:
        given.append(clip)
        return Transcript("hello", "fr")

    ran = await hear(whole, transcriber)
    assert given[0] is whole
    assert ran.given
    assert (ran.given.words, ran.given.language, ran.given.rung) == ("hello", "fr", "rung-1")
    assert ran.steps() == [("hear", "rung-1", None)]


@in_virtual_time
async def test_a_long_memo_in_order() -> None:
    """Four pieces at a time are listened to, and their words joined in order, whichever is done first."""
    transcriber = ScriptedTranscriber(wav(speech()))
    ran = await hear(transcriber.whole, transcriber)
    count = len(cut_at_pauses(transcriber.whole))
    assert ran.given
    assert ran.given.words.split(" ") == [f"w{number}" for number in range(1, count + 1)]
    assert (transcriber.most, sorted(transcriber.asked)) == (4, list(range(1, count + 1)))
    assert ran.steps() == [("hear", "rung-1", None), *((f"hear-{n}", "rung-1", None) for n in range(1, count + 1))]
    assert {type(notice).__name__ for notice in ran.notices} == {"RungServed", "StageFinished"}


@in_virtual_time
async def test_a_lost_piece() -> None:
    """A piece that every rung fails is reported, and the memo is answered by the words of the others."""
    transcriber = ScriptedTranscriber(wav(speech()), {2: Unavailable("one")})
    ran = await hear(transcriber.whole, transcriber, ScriptedTranscriber(transcriber.whole, {2: Unavailable("two")}))
    assert ran.given
    assert ran.given.words.split(" ")[:2] == ["w1", "w3"]
    fallen = [("hear", "rung-1", "unavailable"), ("hear", "rung-2", "unavailable")]
    assert set(ran.steps()) >= {*fallen, ("hear-2", None, "piece-lost"), ("hear-3", "rung-1", None)}
    assert sum(isinstance(notice, RungFailed) for notice in ran.notices) == 2


@in_virtual_time
async def test_a_piece_falls_back_alone() -> None:
    """The second rung takes the piece that the first one failed; the memo's rung is that of the most speech."""
    transcriber = ScriptedTranscriber(wav(speech()), {1: Unavailable("one")})
    ran = await hear(transcriber.whole, transcriber, ScriptedTranscriber(transcriber.whole, {1: "second"}))
    assert ran.given
    assert (ran.given.words.split(" ")[:2], ran.given.rung) == (["second", "w2"], "rung-1")
    assert ("hear-1", "rung-2", None) in ran.steps()


@in_virtual_time
async def test_all_pieces_lost() -> None:
    """Only when no piece could be made out is the person thanked without an answer."""
    transcriber = ScriptedTranscriber(wav(speech()), dict.fromkeys(range(1, 9), Unavailable("one")))
    ran = await hear(transcriber.whole, transcriber)
    assert ran.apology
    assert (ran.apology.line, ran.apology.reason) == (Line.THANKS, "not-transcribed")
    assert ("hear", None, "not-transcribed") in ran.steps()


@in_virtual_time
async def test_one_lost_and_no_words_in_the_others() -> None:
    """An apology does not claim silence when a part could not be transcribed."""
    transcriber = ScriptedTranscriber(wav(speech()), {1: Unavailable("one"), **dict.fromkeys(range(2, 9), "")})
    ran = await hear(transcriber.whole, transcriber)
    assert ran.apology
    assert ran.apology.reason == "not-transcribed"


@in_virtual_time
async def test_silent_pieces_cost_nothing() -> None:
    """A silent piece is not sent to a transcriber."""
    whole = wav(speech()[: 20 * RATE], np.zeros(60 * RATE), speech()[20 * RATE : 40 * RATE])
    transcriber = ScriptedTranscriber(whole)
    ran = await hear(whole, transcriber)
    silent = [int(stage[5:]) for stage, rung, _ in ran.steps() if rung == "silence"]
    assert silent
    assert sorted(transcriber.asked + silent) == list(range(1, len(cut_at_pauses(whole)) + 1))


@pytest.mark.parametrize("seconds", [5, 100])
@in_virtual_time
async def test_silence(seconds: int) -> None:
    """A memo without a voice in it asks no recogniser, however long it is."""
    transcriber = ScriptedTranscriber(wav(np.zeros(seconds * RATE)))
    ran = await hear(transcriber.whole, transcriber)
    assert ran.apology
    assert (ran.apology.line, ran.apology.reason, transcriber.asked) == (Line.NOTHING_HEARD, "silence", [])


@in_virtual_time
async def test_imagined_words() -> None:
    """Credits of films are no words: alone they are nothing heard, and among others they are left out."""
    short, long = wav(speech()[: 5 * RATE]), wav(speech())
    alone = await hear(short, ScriptedTranscriber(short, {1: "Thank you for watching!"}))
    assert alone.apology
    assert (alone.apology.line, alone.apology.reason) == (Line.NOTHING_HEARD, "no-words")
    beside = await hear(long, ScriptedTranscriber(long, {2: "Продолжение следует..."}))
    assert beside.given
    assert beside.given.words.split(" ")[:2] == ["w1", "w3"]
    assert ("hear-2", "rung-1", "hallucination") in beside.steps()


@in_virtual_time
async def test_the_language_of_the_most_speech() -> None:
    """A second language in one piece does not change the language of the answer; words imagined have none."""
    whole = wav(speech())
    many = range(2, len(cut_at_pauses(whole)) + 1)
    script: Script = {1: Transcript("ok", "de"), **{number: Transcript("bon", "fr") for number in many}}
    ran = await hear(whole, ScriptedTranscriber(whole, script))
    assert ran.given
    assert ran.given.language == "fr"
    unreported: Script = {1: Transcript("ja", "de"), **dict.fromkeys(many, "please call me back when you have time")}
    ran = await hear(whole, ScriptedTranscriber(whole, unreported))
    assert ran.given
    assert ran.given.language == "en"


@in_virtual_time
async def test_a_bug_stays_a_bug() -> None:
    """What is no ProviderError passes through by its own name, and the other pieces end at once (I8)."""
    transcriber = ScriptedTranscriber(
        wav(speech()), {4: ZeroDivisionError()}, seconds=lambda number: 1.0 if number == 4 else 14.0
    )
    with pytest.raises(ZeroDivisionError):
        await hear(transcriber.whole, transcriber)
    assert (transcriber.now, asyncio.get_running_loop().time()) == (0, 1.0)


@in_virtual_time
async def test_a_cancellation_ends_all_pieces() -> None:
    """A cancelled memo leaves no request behind."""
    transcriber = ScriptedTranscriber(wav(speech()))
    hearing = asyncio.create_task(hear(transcriber.whole, transcriber))
    await asyncio.sleep(1.0)
    assert transcriber.now == 4
    hearing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hearing
    assert transcriber.now == 0


@in_virtual_time
async def test_time_is_bounded() -> None:
    """Where every rung hangs, half an hour is given up some time before it would have ended (I9)."""

    async def hang(clip: Clip) -> Transcript:
        del clip
        await asyncio.sleep(3600)
        raise AssertionError

    ran = await hear(wav(np.resize(speech(), 1800 * RATE)), hang, deadline_seconds=45.0)
    assert ran.apology
    assert ran.apology.reason == "not-transcribed"
    assert asyncio.get_running_loop().time() <= 645.0
    lost = [step for step in ran.progress.steps if step.error == "piece-lost"]
    assert len(lost) > 60
    assert all(step.rung is None for step in lost)


@in_virtual_time
async def test_local_ears_expect_english() -> None:
    """A local transcriber takes every language for English: where another is expected it makes nothing up."""

    class Local:
        async def transcribe(self, speech: Clip, *, language: str | None = None) -> Transcript:
            del speech
            if language != "en":
                raise Rejected("local", "knows English only")
            return Transcript("hello", "en")

    ladder = Ladder("hear", Rung("local", transcriber_rung("local", Local()), 9.0), budget_seconds=9.0)
    clip = wav(speech()[: 2 * RATE])
    for last, heard, apology in (("fr", None, "not-transcribed"), ("en", "hello", None), (None, "hello", None)):
        turns = (PastTurn("user", "x", last, datetime.now(UTC)),) if last else ()
        ran = await staged(clip, ladder, turns)
        assert ran.given is None or ran.given.words == heard
        assert ran.apology is None or ran.apology.reason == apology
        assert (ran.given is None) == (heard is None)
