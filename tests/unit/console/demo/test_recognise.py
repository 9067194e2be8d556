"""One reply of each voice, recognised again: which one, how well, and that one that is garbled does not pass."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from audio.engines.espeak import SAMPLE_RATE, EspeakVoice
from audio.engines.sphinx import SphinxRecognizer
from audio.transcode import Transcoder
from console.demo.demo import TROUBLE, shortcomings
from console.demo.recognise import (
    GARBLED_PERCENT,
    LEAST_WORDS,
    RecognitionScore,
    SpokenReply,
    english_replies,
    longest_by_voice,
    recognise,
)
from console.demo.story import DemoEvent, recognition_report
from console.follow import EventOutcome
from providers.models.local import LocalTranscriber
from sandbox.upstreams.series import Sent
from storage.ledger import MemoKey, Step, Story
from storage.states import State
from tests.harness.paths import FIXTURES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from typing import Literal


EVENTS = FIXTURES / "events"
FIRST, SECOND = (
    "She wants to go to the sea, and I would like to go to the mountains.",
    "Can you tell me what the weather is like today?",
)
SAID = f"{FIRST} {SECOND}"
PATIENCE = 600.0
"""Seconds for an engine on a busy machine: what it understands is judged here, not how fast."""
SPOKEN_WELL = DemoEvent("a.json", EventOutcome("answered", None, None), {"outcome": "answered"})


def story(number: int, rung: str, said: str, *, language: str = "en", fell: str | None = None) -> Story:
    """Tell of a memo that was answered."""
    fallen = [Step("speak", 0.1, fell, "unreachable")] if fell else []
    facts = {"said": said, "language": language, "spoken": f"{number}.m4a", "idempotency_key": f"key-{number}"}
    steps = [Step("fetch", 0.1), *fallen, Step("speak", 0.1, rung), Step("deliver", 0.1, "voice")]
    return Story(MemoKey("1", str(number)), State.ANSWERED, None, 1, None, 0.0, 0.0, facts, steps)


def sent(number: int, audio: bytes | None = b"sound") -> Sent:
    """Give what the Series API has of it."""
    at = datetime(2025, 11, 8, tzinfo=UTC)
    return Sent(f"m{number}", "1", "", f"key-{number}", f"{number}.m4a", "audio/mp4", audio, at)


async def spoken(text: str, *rates: int) -> Sequence[bytes]:
    """Speak once, and encode as M4A for each rate that is stated, right or wrong."""
    pcm = b"".join([piece async for piece in EspeakVoice(deadline_seconds=PATIENCE).speak(text, language="en")])

    async def pieces() -> AsyncGenerator[bytes]:
        yield pcm

    transcoder = Transcoder(deadline_seconds=PATIENCE)
    return [(await transcoder.encode(pieces(), sample_rate=rate)).data for rate in rates]


async def heard(*sounds: tuple[str, bytes]) -> Sequence[RecognitionScore]:
    """Recognise sounds again, each by the name of its voice, that were to say SAID."""
    chosen = [SpokenReply(rung, f"{rung}.m4a", SAID, sound) for rung, sound in sounds]
    recognizer = SphinxRecognizer(processes=2, deadline_seconds=PATIENCE)
    return await recognise(chosen, LocalTranscriber(recognizer), Transcoder(deadline_seconds=PATIENCE))


def shown(found: Sequence[RecognitionScore], *, terminal: bool) -> str:
    """Print as the demo does."""
    return printed({each.reply.rung: each.reply for each in found}, found, terminal=terminal)


def printed(chosen: Mapping[str, SpokenReply], found: Sequence[RecognitionScore], *, terminal: bool) -> str:
    """Print these voices, and those of them that were recognised."""
    file = io.StringIO()
    colours: Literal["standard"] | None = "standard" if terminal else None
    console = Console(file=file, width=400, force_terminal=terminal, color_system=colours, highlight=False)
    console.print(recognition_report(chosen, found))
    return file.getvalue()


def test_what_went_out_is_taken() -> None:
    """Each English voice memo that was sent is a reply of the rung that spoke in the end, with the sound as sent."""
    stories = [
        story(1, "cartesia", "One.", fell="elevenlabs"),
        story(2, "cartesia", "Deux.", language="fr"),
        story(3, "local", "Three."),
        story(4, "local", "Never sent."),
        story(5, "local", "Sent as a text."),
    ]
    found = english_replies(stories, [sent(1, b"one"), sent(2, b"two"), sent(3, b"three"), sent(5, None)])
    assert found == [
        SpokenReply("cartesia", "1.m4a", "One.", b"one"),
        SpokenReply("local", "3.m4a", "Three.", b"three"),
    ]


def test_the_longest_of_each_voice_is_chosen() -> None:
    """Of each rung there is one reply, that with the most words."""
    given = [
        SpokenReply("local", "1", "a b", b""),
        SpokenReply("cartesia", "2", "a", b""),
        SpokenReply("local", "3", "a b c", b""),
    ]
    given.append(SpokenReply("local", "4", "a", b""))
    assert {rung: reply.file for rung, reply in longest_by_voice(given).items()} == {"cartesia": "2", "local": "3"}


async def test_too_few_words_are_not_judged() -> None:
    """A reply that says too little is not listened to, but reported."""
    short = SpokenReply("clip", "1.m4a", "Got your voice memo!", b"not even sound")
    assert short.words < LEAST_WORDS
    assert not await recognise([short], LocalTranscriber(SphinxRecognizer()), Transcoder())
    assert "  clip        says too little" in printed({"clip": short}, [], terminal=False)


@pytest.mark.timeout(2 * PATIENCE)
@pytest.mark.slow
async def test_a_garbled_reply_does_not_pass() -> None:
    """A reply at a wrong rate, without one of its sentences, or that cannot be decoded is reported, and fails."""
    well, fast, slow = await spoken(SAID, SAMPLE_RATE, SAMPLE_RATE * 3 // 2, SAMPLE_RATE * 2 // 3)
    (halved,) = await spoken(SECOND, SAMPLE_RATE)
    sounds = {"good": well, "fast": fast, "slow": slow, "halved": halved, "broken": b"no sound at all"}
    found = await heard(*sounds.items())
    good, *garbled = found
    assert good.rate < GARBLED_PERCENT / 2
    assert good.shares_its_words
    assert not shortcomings([SPOKEN_WELL], [good])
    for each in garbled:
        assert not each.shares_its_words, each
        (told,) = shortcomings([SPOKEN_WELL], [good, each])
        assert told.startswith(f"The reply that {each.reply.rung} spoke is garbled")
    for terminal in (False, True):
        lines = shown(found, terminal=terminal).splitlines()
        (line,) = [line for line in lines if "fast" in line]
        assert f"word-error rate {garbled[0].rate:5.1f} %" in line
        assert "is garbled" in line
        assert ("\x1b[" in line) is terminal


@pytest.mark.parametrize(("errors", "passes"), [(0, True), (11, True), (12, False), (20, False), (30, False)])
def test_the_threshold(errors: int, passes: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    """So many words wrong in twenty are garbled; there may be more errors than words."""
    each = RecognitionScore(SpokenReply("local", "1.m4a", "", b""), 20, errors)
    assert each.shares_its_words is passes
    assert bool(shortcomings([SPOKEN_WELL], [each])) is not passes


def test_a_demo_in_which_nothing_was_recognised_fails() -> None:
    """Where no reply could be judged, or an event did not end as expected, that is reported."""
    assert shortcomings([SPOKEN_WELL], []) == ["No reply could be recognised again: no voice said enough English."]
    fine = RecognitionScore(SpokenReply("local", "1.m4a", "", b""), 20, 0)
    other = DemoEvent("b.json", EventOutcome("failed", "x", None), {"outcome": "answered"})
    assert len(shortcomings([SPOKEN_WELL, other], [fine])) == 1


def test_reprs_hold_no_words() -> None:
    """Neither what was said nor the sound stands in a repr (I6)."""
    each = RecognitionScore(SpokenReply("local", "1.m4a", "secret words", b"secret sound"), 20, 0)
    assert "secret" not in repr(each)


def test_what_the_upstreams_suffer_is_of_events_that_there_are() -> None:
    """Each event under which something is scripted to fail stands among the fixtures, so that each voice is met."""
    assert TROUBLE.keys() <= {path.name for path in EVENTS.iterdir()}
