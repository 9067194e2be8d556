"""The critical path: how soon a reply could be out if everything but the upstreams took no time at all. Pure.

    download → Whisper → the model's first token → each sentence is spoken as soon as it is written → the last one ends
    → send

A memo that is too long for Whisper is heard in pieces, side by side: the longest one decides. Sentences are spoken side
by side. What is kept, remembered or shown as typing goes on alongside; decoding, encoding and
everything else that we do ourselves counts for nothing, and so do handshakes: connections are warm. The sequential
path has the same services, one after the other, and the trips to the archive between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.pace import Speed


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the reply."""

    tokens: int
    """How many the model writes for it."""
    seconds: float
    """How long it plays, in seconds."""


@dataclass(frozen=True, slots=True)
class Script:
    """What one memo meets."""

    speeds: Mapping[str, Speed]
    memo_seconds: float
    """How long the recording plays, in seconds."""
    reply: Sequence[Sentence]
    pieces: Sequence[float] = ()
    """How long the pieces play that the recording is heard in, in seconds; none where it is heard whole."""
    voice: str = "elevenlabs"

    def critical_seconds(self) -> float:
        """Give the shortest time from memo in to voice out that the upstreams allow, in seconds."""
        heard = self._heard(self._longest_piece())
        return self._first("series.media") + heard + self._written_and_spoken() + self._first("series.send")

    def sequential_seconds(self) -> float:
        """Give what the same services take one after the other, with an archive between them, in seconds."""
        kept = 3 * self._first("archive.put") + self._first("archive.get")
        written = self._first("llama") + self._written(sum(each.tokens for each in self.reply))
        spoken = self._spoken(sum(each.seconds for each in self.reply))
        heard = self._heard(self.memo_seconds)
        return self._first("series.media") + kept + heard + written + spoken + self._first("series.send")

    def stages(self) -> dict[str, float]:
        """Give what each stage of voicememo waits for on the critical path, in seconds; what is not named, nothing."""
        answer = self._first("llama") + self._written(sum(each.tokens for each in self.reply))
        return {
            "fetch": self._first("series.media"),
            "hear": self._heard(self._longest_piece()),
            "answer": answer,
            "speak": self._written_and_spoken() - answer,
            "deliver": self._first("series.send"),
        }

    def _written_and_spoken(self) -> float:
        tokens, ends = 0, []
        for sentence in self.reply:
            tokens += sentence.tokens
            ends.append(self._first("llama") + self._written(tokens) + self._spoken(sentence.seconds))
        return max(ends, default=0.0)

    def _longest_piece(self) -> float:
        return max(self.pieces, default=self.memo_seconds)

    def _heard(self, seconds: float) -> float:
        return self._first("whisper") + self.speeds["whisper"].heard_factor * seconds

    def _written(self, tokens: int) -> float:
        """Return when the last of so many tokens comes; the first comes at once."""
        return max(0, tokens - 1) / self.speeds["llama"].tokens_per_second

    def _spoken(self, seconds: float) -> float:
        return self._first(self.voice) + seconds / self.speeds[self.voice].spoken_factor

    def _first(self, service: str) -> float:
        return self.speeds[service].first_seconds
