"""Recognition of sent replies by the local engine, to prove that they say what they should."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from audio.clip import Clip
from audio.engines.sphinx import LANGUAGE
from audio.errors import AudioError
from audio.formats import sniff
from providers.errors import ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from audio.transcode import Transcoder
    from providers.models.local import LocalTranscriber
    from sandbox.upstreams.series import Sent
    from storage.ledger import Story

_WORD: Final = re.compile(r"[a-z']+")
_CURLY, _STRAIGHT = "\N{RIGHT SINGLE QUOTATION MARK}", "'"
GARBLED_PERCENT: Final = 60.0
"""Wrong words: between docs/quality.md (at most 16 %; echoes of misheard memos 39 %) and a wrong rate (97 %)."""
LEAST_WORDS: Final = 12
"""With fewer, a single word that the engine does not know ("memo") decides."""


@dataclass(frozen=True, slots=True)
class SpokenReply:
    """A spoken reply that went out."""

    rung: str
    file: str  # its key in the archive
    said: str = field(repr=False)
    sound: bytes = field(repr=False)  # as the messenger received it

    @property
    def words(self) -> int:
        """Count of words in `said`."""
        return word_errors(self.said, "")[1]


@dataclass(frozen=True, slots=True)
class RecognitionScore:
    """How well a reply was understood."""

    reply: SpokenReply
    words: int
    errors: int

    @property
    def rate(self) -> float:
        """Word-error rate, in percent."""
        return 100.0 * self.errors / self.words

    @property
    def shares_its_words(self) -> bool:
        """Whether it was understood well enough."""
        return self.rate < GARBLED_PERCENT


def english_replies(stories: Iterable[Story], sent: Sequence[Sent]) -> list[SpokenReply]:
    """Return the English voice memos among what was sent."""
    by_key: Mapping[object, Sent] = {each.idempotency_key: each for each in sent if each.idempotency_key}
    return [
        SpokenReply(rung, str(story.facts.get("spoken")), str(story.facts["said"]), went_out.audio)
        for story in stories
        if (rung := _voice(story)) is not None
        and (went_out := by_key.get(story.facts.get("idempotency_key"))) is not None
        and went_out.audio is not None
        and story.facts.get("language") == LANGUAGE
    ]


def _voice(story: Story) -> str | None:
    """Return the rung whose voice was sent in the end."""
    spoke = [step.rung for step in story.steps if step.stage == "speak" and step.error is None]
    return spoke[-1] if spoke else None


def longest_by_voice(replies: Iterable[SpokenReply]) -> Mapping[str, SpokenReply]:
    """Return each rung's longest reply: the more words, the less chance decides."""
    by_length = sorted(replies, key=lambda reply: reply.words)
    return dict(sorted({reply.rung: reply for reply in by_length}.items()))


async def recognise(
    replies: Iterable[SpokenReply], transcriber: LocalTranscriber, transcoder: Transcoder
) -> Sequence[RecognitionScore]:
    """Recognise replies of at least LEAST_WORDS, as many at once as the engine takes."""

    async def score(reply: SpokenReply) -> RecognitionScore:
        try:
            wav = await transcoder.decode(Clip(reply.sound, sniff(reply.sound)))
            heard = (await transcriber.transcribe(wav, language=LANGUAGE)).text
        except (AudioError, ProviderError):
            heard = ""
        errors, words = word_errors(reply.said, heard)
        return RecognitionScore(reply, words, errors)

    return await asyncio.gather(*(score(reply) for reply in replies if reply.words >= LEAST_WORDS))


def word_errors(said: str, heard: str) -> tuple[int, int]:
    """Count the words replaced, left out or added (Levenshtein), and the words said. Digits are no words."""
    wanted, got = _words(said), _words(heard)
    row = list(range(len(got) + 1))
    for number, word in enumerate(wanted, 1):
        before, row[0] = row[0], number
        for place, other in enumerate(got, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (word != other))
    return row[-1], len(wanted)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace(_CURLY, _STRAIGHT))
