"""What the demo does at its end, with a whole worker before it: a reply that went out is recognised again."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from audio.engines.espeak import EspeakVoice
from audio.engines.sphinx import SphinxRecognizer
from audio.transcode import Transcoder
from console.demo.demo import shortcomings
from console.demo.recognise import LEAST_WORDS, english_replies, longest_by_voice, recognise
from console.demo.story import DemoEvent
from providers.models.local import LocalTranscriber
from sandbox.app import Sandbox
from sandbox.mind import EngineMind
from tests.acceptance.conftest import rig
from tests.harness.paths import FIXTURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from console.demo.recognise import RecognitionScore
    from sandbox.mind import Mind, ScriptedMind

EVENTS = FIXTURES / "events"
SAID = (
    "Thank you very much for calling me today. I am glad to hear that you and your family are doing well. "
    "We will go to the market in the morning, and then we can have dinner together with all of our friends."
)
"""Enough words that the chance in a voice that is never twice the same, and in these recognizer, decides nothing."""
ENDS = {
    "01-iphone-caf-without-mime.json": {"outcome": "answered"},
    "20-nothing-said.json": {"outcome": "apologised", "reason": "silence"},
}


class Hasty(EngineMind):
    """Speaks at a lower rate than was asked for, and does not say so: it is heard half as fast again."""

    async def speak(self, text: str, *, language: str, sample_rate: int) -> bytes:
        """Speak with espeak-ng."""
        return await super().speak(text, language=language, sample_rate=sample_rate * 2 // 3)


async def heard(folder: Path, vendor: Mind) -> tuple[Sequence[DemoEvent], Sequence[RecognitionScore]]:
    """Have two memos answered, with this mind behind ElevenLabs; recognise again what went out."""
    async with Sandbox(vendor) as voices:

        def pointing(sandbox: Sandbox) -> Mapping[str, str]:
            return {**sandbox.environment(), "ELEVENLABS_BASE_URL": voices.url}

        async with rig(folder, pointing) as running:
            cast("ScriptedMind", running.sandbox.mind).answer = SAID
            accounts = [DemoEvent(name, await running.answered(EVENTS / name), end) for name, end in ENDS.items()]
            stories = [account.followed.story for account in accounts if account.followed.story is not None]
            chosen = longest_by_voice(english_replies(stories, running.sandbox.sent))
    assert chosen.keys() == {"elevenlabs", "clip"}
    assert chosen["elevenlabs"].words >= LEAST_WORDS > chosen["clip"].words
    recognizer = SphinxRecognizer(
        deadline_seconds=600
    )  # on a busy machine: what it understands is judged here, not how fast
    return accounts, await recognise(chosen.values(), LocalTranscriber(recognizer), Transcoder())


async def test_a_voice_is_understood(tmp_path: Path) -> None:
    """A reply shares its words with what was to be said, and the demo has nothing to find fault with."""
    accounts, found = await heard(tmp_path, EngineMind(SphinxRecognizer(), EspeakVoice()))
    assert [each.reply.rung for each in found] == ["elevenlabs"]
    assert not shortcomings(accounts, found)


async def test_a_wrong_rate_does_not_pass(tmp_path: Path) -> None:
    """A vendor's sound at another rate than was asked for makes the demo fail, and it says whose it was."""
    accounts, found = await heard(tmp_path, Hasty(SphinxRecognizer(), EspeakVoice()))
    (told,) = shortcomings(accounts, found)
    assert told.startswith("The reply that elevenlabs spoke is garbled")
