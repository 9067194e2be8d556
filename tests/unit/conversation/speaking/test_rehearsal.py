"""A reply is spoken while it is written; whole, by one voice, or not at all. Shown in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from audio.clip import Clip, wav_clip
from audio.errors import EncodeFailed
from audio.formats import Format
from conversation.budget import Budget
from conversation.draft import Discarded, StreamedReplies, StreamedReply
from conversation.replying.reply import replier_rung
from conversation.speaking.rehearsal import Rehearsal, Voiced, recorded_line, synthesizer_rung
from providers.errors import BadAnswer, LadderExhausted, Unavailable
from providers.fallback.ladder import Ladder, Rung
from providers.ports import ChatTurn, Role
from tests.harness.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from audio.transcode import Transcoder
    from conversation.turn import Turn

RATE = 1000
TURNS = [ChatTurn(Role.USER, "Hi")]


class Writer:
    """Writes a word at a time, with a pause after each; may fail at the end."""

    def __init__(self, text: str, *, pause: float = 1.0, error: Exception | None = None) -> None:
        self.words = text.split(" ")
        self.pause = pause
        self.error = error

    async def reply(self, turns: object, *, language: str) -> AsyncGenerator[str]:
        """Write."""
        del turns, language
        for word in self.words:
            yield f"{word} "
            await asyncio.sleep(self.pause)
        if self.error:
            raise self.error


@dataclass
class Voice:
    """Takes a while for each piece, and says when it was asked for which; may fail at one."""

    seconds: float = 2.0
    fails_at: str = "never"
    error: Exception = field(default_factory=lambda: Unavailable("voice"))
    asked: list[tuple[float, str]] = field(default_factory=list)
    around: list[tuple[str, str]] = field(default_factory=list)
    speaking: int = 0
    most: int = 0
    sample_rate: int = RATE

    async def speak(self, text: str, *, language: str, before: str = "", after: str = "") -> AsyncGenerator[bytes]:
        """Speak: each piece a level of its own, so that the order can be heard."""
        del language
        self.around.append((before, after))
        self.asked.append((asyncio.get_running_loop().time(), text))
        number = len(self.asked)
        self.speaking += 1
        self.most = max(self.most, self.speaking)
        try:
            await asyncio.sleep(self.seconds)
            if self.fails_at in text:
                raise self.error
            yield np.full(60 * len(text), 1000 * number, "<i2").tobytes()
        finally:
            self.speaking -= 1


class Encoder:
    """Stands where ffmpeg stands, in virtual time: keeps the PCM as it is."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.refuses = refuses

    async def encode(self, pcm: AsyncIterator[bytes], *, sample_rate: int) -> Clip:
        """Read it all; or refuse after the first piece."""
        del sample_rate
        pieces = []
        async for piece in pcm:
            pieces.append(piece)
            if self.refuses:
                raise EncodeFailed("no")
        return Clip(b"".join(pieces), Format.M4A)

    async def wav(self, pcm: AsyncIterator[bytes], *, sample_rate: int) -> Clip:
        """Read it all."""
        return wav_clip(b"".join([piece async for piece in pcm]), sample_rate=sample_rate)


class RecordedTurn:
    """What a stage tells of itself."""

    def __init__(self) -> None:
        self.budget = Budget(100, lambda: asyncio.get_running_loop().time())
        self.attempts: list[tuple[str, str | None]] = []

    def report_attempts(self, attempts: tuple[Any, ...]) -> None:
        """Keep the rungs."""
        self.attempts += [(attempt.rung, attempt.error) for attempt in attempts]


def levels(pcm: bytes) -> list[int]:
    """Say in which order pieces are heard."""
    samples = np.frombuffer(pcm, "<i2").tolist()
    counted = Counter(samples)
    return [sample // 1000 for sample in dict.fromkeys(samples) if sample and counted[sample] > 50]


def rungs(*writers: Writer) -> Ladder[[Sequence[ChatTurn], str, StreamedReplies], str]:
    """Make a ladder of writers."""
    made = [Rung(f"writer-{number}", replier_rung("x", writer), 60) for number, writer in enumerate(writers)]
    return Ladder("answer", *made, budget_seconds=200)


def speak(*voices: Voice, encoder: Encoder | None = None) -> Ladder[[StreamedReply], Voiced]:
    """Make a ladder of voices, with the clip for its last rung."""
    transcoder = cast("Transcoder", encoder or Encoder())
    made = [
        Rung(f"voice-{number}", synthesizer_rung("x", voice, transcoder), 60) for number, voice in enumerate(voices)
    ]
    return Ladder("speak", *made, Rung("clip", recorded_line, 1), budget_seconds=200)


async def answered(
    voices: Ladder[[StreamedReply], Voiced],
    writers: Ladder[[Sequence[ChatTurn], str, StreamedReplies], str],
    turn: RecordedTurn,
) -> tuple[str, str, Clip]:
    """Write and speak a reply; give the text, what is said, and the clip."""
    async with Rehearsal(voices, cast("Turn", turn)) as rehearsal:
        served = await writers(TURNS, "en", rehearsal.drafts)
        spoken = (await rehearsal.speak(served.value, "en")).value
    return served.value, spoken.said, spoken.clip


@in_virtual_time
async def test_spoken_while_it_is_written() -> None:
    """The first sentence is spoken when the second begins, and the last piece is all that is waited for at the end."""
    voice = Voice(seconds=2)
    text, said, clip = await answered(speak(voice), rungs(Writer("One two. Three four. Five six.")), RecordedTurn())
    assert text == said == "One two. Three four. Five six."
    assert voice.asked == [(2, "One two."), (4, "Three four."), (6, "Five six.")]
    assert voice.around == [("", ""), ("One two.", ""), ("One two. Three four.", "")]
    assert asyncio.get_running_loop().time() == pytest.approx(6 + 2)
    assert levels(clip.data) == [1, 2, 3]


@in_virtual_time
async def test_side_by_side_in_order() -> None:
    """Pieces are spoken a few at a time, and heard in their order."""
    voice = Voice(seconds=3.9)
    shout = "Incomprehensibilities notwithstanding goodbye!"
    sentences = " ".join([shout] * 25)
    clip = (await answered(speak(voice), rungs(Writer(sentences, pause=0)), RecordedTurn()))[2]
    assert voice.most == 4
    assert len(voice.asked) > voice.most
    assert levels(clip.data) == list(range(1, len(voice.asked) + 1))


@in_virtual_time
async def test_replier_falls_half_way() -> None:
    """What a fallen replier had begun is never heard, though it was being spoken; the next one begins again."""
    voice = Voice()
    broken = Writer("Never hear this. Nor this. Or", error=BadAnswer("x", "cut short"))
    text, said, clip = await answered(speak(voice), rungs(broken, Writer("Hear this. Yes.")), RecordedTurn())
    assert text == said == "Hear this. Yes."
    assert levels(clip.data) == [len(voice.asked) - 1, len(voice.asked)]
    assert [text for _, text in voice.asked][-2:] == ["Hear this.", "Yes."]


@in_virtual_time
async def test_voice_falls_half_way() -> None:
    """What a fallen voice had begun is never heard: the next voice speaks the whole reply from its first sentence."""
    first, second, turn = Voice(fails_at="Three"), Voice(), RecordedTurn()
    _, said, clip = await answered(speak(first, second), rungs(Writer("One two. Three four. Five six.")), turn)
    assert said == "One two. Three four. Five six."
    assert " ".join(text for _, text in second.asked) == said
    assert levels(clip.data) == list(range(1, len(second.asked) + 1))
    assert turn.attempts == [("voice-0", "unavailable"), ("voice-1", None)]


@in_virtual_time
async def test_voice_says_nothing() -> None:
    """A voice of which one piece has no sound fails as a whole; the clip is heard in the end."""
    silent = Voice()
    silent.sample_rate = RATE

    async def hush(text: str, **_: str) -> AsyncGenerator[bytes]:
        del text
        yield bytes(200)

    silent.speak = hush  # type: ignore[method-assign] # another voice
    turn = RecordedTurn()
    _, said, _ = await answered(speak(silent), rungs(Writer("One two. Three four.")), turn)
    assert said == "Got your voice memo!"
    assert turn.attempts == [("voice-0", "bad-answer"), ("clip", None)]


@in_virtual_time
async def test_no_encoder() -> None:
    """Where the encoder refuses, the same speech is given as WAV, whole."""
    voice = Voice()
    voices = speak(voice, encoder=Encoder(refuses=True))
    _, said, clip = await answered(voices, rungs(Writer("One. Two. Three.")), RecordedTurn())
    assert (said, clip.format) == ("One. Two. Three.", Format.WAV)
    assert levels(clip.data[44:]) == list(range(1, len(voice.asked) + 1))


@in_virtual_time
async def test_a_bug_is_no_outage() -> None:
    """A bug in a voice passes through, and no other voice follows."""
    second = Voice()
    with pytest.raises(KeyError, match="bug"):
        await answered(
            speak(Voice(fails_at="Two", error=KeyError("bug")), second), rungs(Writer("One. Two.")), RecordedTurn()
        )
    assert second.asked == []


@in_virtual_time
async def test_nothing_is_left() -> None:
    """When no replier can answer, or the memo is cancelled, what was being spoken ends at once."""
    voice = Voice(seconds=50)
    with pytest.raises(LadderExhausted):
        await answered(speak(voice), rungs(Writer("One. Two. Three", error=Unavailable("x"))), RecordedTurn())
    assert voice.speaking == 0
    running = asyncio.create_task(answered(speak(voice), rungs(Writer("One. Two. Three.")), RecordedTurn()))
    await asyncio.sleep(2.5)
    assert voice.speaking == 2
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (voice.speaking, len(asyncio.all_tasks())) == (0, 1)


@in_virtual_time
async def test_resumed_reply() -> None:
    """A reply that is there already, from an earlier attempt, is spoken whole without a draft."""
    voice, turn = Voice(), RecordedTurn()
    async with Rehearsal(speak(voice), cast("Turn", turn)) as rehearsal:
        spoken = (await rehearsal.speak("One two. Three four.", "en")).value
    assert spoken.said == "One two. Three four."
    assert voice.around == [("", "Three four."), ("One two.", "")]
    assert " ".join(text for _, text in voice.asked) == spoken.said


@in_virtual_time
async def test_drafts() -> None:
    """A draft that is discarded says so to its readers, at once; one that is whole is not discarded any more."""
    drafts = StreamedReplies()
    first = drafts.begin("en")
    first.say("One.")

    async def read(draft: StreamedReply) -> list[str]:
        return [piece.text async for piece in draft.pieces()]

    reading = asyncio.create_task(read(first))
    await asyncio.sleep(1)
    second = drafts.begin("en")
    with pytest.raises(Discarded):
        await reading
    second.say("Two.")
    second.end()
    second.discard()
    drafts.begin("en")
    assert await read(second) == ["Two."]
    assert await drafts.after(second) is drafts.latest
