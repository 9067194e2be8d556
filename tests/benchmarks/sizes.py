"""The sizes of memos and replies that the original architecture names: WAVs of 0.5 to 2 MB, replies of 100 to 400 KB.

voicememo says at most eighty words, which take 30 s at the pace of this voice, and the sequential worker has to say the
same: so the reply of the upper end is as many words, spoken slowly.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audio.clip import Clip
from audio.engines.espeak import EspeakVoice
from audio.formats import sniff
from audio.pieces import cut_at_pauses
from audio.transcode import Transcoder
from conversation.speakable.sentences import split_sentences
from tests.benchmarks.bare import SPEECH_RATE
from tests.benchmarks.critical_path import Script, Sentence
from tests.benchmarks.published import PUBLISHED
from tests.benchmarks.upstreams import (
    LONG_REPLY,
    REPLY,
    SLOW_WORDS_PER_MINUTE,
    WORDS_PER_MINUTE,
    RehearsedMind,
)

if TYPE_CHECKING:
    from pathlib import Path

_SAMPLE_BYTES = 2


@dataclass(frozen=True, slots=True)
class Size:
    """One of them."""

    name: str
    memo_seconds: float
    """How long the recording plays, in seconds; its WAV has 32 KB for each."""
    reply: str
    words_per_minute: int = WORDS_PER_MINUTE

    async def script(self, memo: Path) -> Script:
        """Give the script of the published pace, with the memo as it is heard here, and the reply as it is spoken."""
        recording = await asyncio.to_thread(memo.read_bytes)
        wav = await Transcoder().decode(Clip(recording, sniff(recording)))
        pieces = [piece.seconds for piece in cut_at_pauses(wav)]
        mind = RehearsedMind(voice=EspeakVoice(words_per_minute=self.words_per_minute))
        sentences = []
        for sentence in split_sentences(self.reply):
            pcm = await mind.speak(sentence, language="en", sample_rate=SPEECH_RATE)
            sentences.append(Sentence(len(sentence.split()), len(pcm) / _SAMPLE_BYTES / SPEECH_RATE))
        return Script(PUBLISHED, self.memo_seconds, sentences, pieces)


SIZES = (
    Size("lower end", 16.0, REPLY),
    Size("middle", 40.0, LONG_REPLY),
    Size("upper end", 64.0, LONG_REPLY, SLOW_WORDS_PER_MINUTE),
)
