"""Is what went out what was to be said? The demo has one reply of each voice recognised again by the local engine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from audio.clip import Clip
from audio.errors import AudioError
from audio.formats import sniff
from audio.sphinx import LANGUAGE
from audio.word_errors import word_errors
from providers.errors import ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from audio.transcode import Transcoder
    from providers.local import LocalTranscriber
    from sandbox.upstreams.series import Sent
    from storage.ledger import Story

GARBLED_PERCENT: Final = 60.0
"""Of a reply's words, so many wrong: it is garbled. Between the paths of docs/quality.md (at most 16 %; 39 % where what
is said makes little sense, as echoes of misheard memos do) and a sampling rate that is wrong by half (97 %)."""
LEAST_WORDS: Final = 12
"""With fewer, a single word that the engine does not know ("memo") decides."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that went out."""

    rung: str
    """Which voice spoke it."""
    file: str
    """Where the archive has it."""
    said: str = field(repr=False)
    """What was to be said."""
    sound: bytes = field(repr=False)
    """What the Series API was given."""

    @property
    def words(self) -> int:
        """How many were to be said."""
        return word_errors(self.said, "")[1]


@dataclass(frozen=True, slots=True)
class Recognised:
    """How a voice's reply was understood."""

    reply: Reply
    words: int
    errors: int

    @property
    def rate(self) -> float:
        """Word-error rate, in percent of the words that were to be said."""
        return 100.0 * self.errors / self.words

    @property
    def shares_its_words(self) -> bool:
        """Whether it is what was to be said, as far as these ears can tell."""
        return self.rate < GARBLED_PERCENT


def replies(stories: Iterable[Story], sent: Sequence[Sent]) -> list[Reply]:
    """Give the English voice memos among what was sent, with what was to be said in them."""
    by_key: Mapping[object, Sent] = {each.idempotency_key: each for each in sent if each.idempotency_key}
    return [
        Reply(rung, str(story.facts.get("spoken")), str(story.facts["said"]), went_out.audio)
        for story in stories
        if (rung := _voice(story)) is not None
        and (went_out := by_key.get(story.facts.get("idempotency_key"))) is not None
        and went_out.audio is not None
        and story.facts.get("language") == LANGUAGE
    ]


def _voice(story: Story) -> str | None:
    """Tell which rung's voice was sent in the end."""
    spoke = [step.rung for step in story.steps if step.stage == "speak" and step.error is None]
    return spoke[-1] if spoke else None


def longest(spoken: Iterable[Reply]) -> Mapping[str, Reply]:
    """Give each voice's longest reply, by its rung: the more words, the less chance decides."""
    chosen: dict[str, Reply] = {}
    for reply in sorted(spoken, key=lambda reply: reply.words):
        chosen[reply.rung] = reply
    return dict(sorted(chosen.items()))


async def recognised(
    spoken: Iterable[Reply], transcriber: LocalTranscriber, transcoder: Transcoder
) -> Sequence[Recognised]:
    """Listen to replies, side by side as far as the engine's own limit lets them; those that are too short are not."""
    return await asyncio.gather(
        *(_recognised(reply, transcriber, transcoder) for reply in spoken if reply.words >= LEAST_WORDS)
    )


async def _recognised(reply: Reply, transcriber: LocalTranscriber, transcoder: Transcoder) -> Recognised:
    errors, words = word_errors(reply.said, await _heard(reply.sound, transcriber, transcoder))
    return Recognised(reply, words, errors)


async def _heard(sound: bytes, transcriber: LocalTranscriber, transcoder: Transcoder) -> str:
    """Give what is understood of a recording; of one that cannot even be decoded that is nothing."""
    try:
        wav = await transcoder.decode(Clip(sound, sniff(sound)))
        return (await transcriber.transcribe(wav, language=LANGUAGE)).text
    except (AudioError, ProviderError):
        return ""
