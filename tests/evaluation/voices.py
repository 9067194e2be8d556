"""Is what we send what was to be said? Each voice's reply, as it is sent, is recognised again by the local recognizer.

The local recognizer mishears a synthetic voice now and then, so each path is held against a baseline: the same
recognizer, text and voice (espeak-ng stands behind every simulated service), but its PCM heard directly, without our
cutting into sentences, joining, encoding and resampling. A reply that is garbled there, or said at a wrong rate, is
understood far worse than the baseline; one that is merely compressed is not. Of the clips the recognizer makes out
little even in the baseline (it does not know the word "memo"), so these are compared with their words spoken again.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from audio import clips
from audio.clip import WAV_RATE, Clip, pcm_of, wav_clip
from audio.clips import Line as SpokenLine
from audio.engines.espeak import SAMPLE_RATE, EspeakVoice
from audio.engines.sphinx import SphinxRecognizer
from audio.transcode import Transcoder
from console.demo.recognise import word_errors
from consumer.settings import load
from conversation.draft import StreamedReply
from conversation.ladders import speaking
from conversation.speaking.rehearsal import synthesizer_rung
from providers.factory import Adapters
from providers.models.local import LocalSynthesizer
from sandbox.app import Sandbox
from sandbox.mind import EngineMind
from tests.evaluation.likeness import likeness
from tests.evaluation.report import Line, Rows, Section

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence


PATHS: Final = ("elevenlabs", "cartesia", "openai", "local")
BASELINE, CLIPS, WRONG_RATE = "baseline: heard directly", "clip", "for comparison: the rate wrong by half"
MARGIN_PERCENT: Final = 20.0
"""Word errors per hundred by which a path may exceed the baseline; 10 happened by chance."""
LEAST_ALIKE: Final = 0.9
"""Two clips with other words are alike by at most 0.73, one at a wrong rate by 0.12."""
_WRONG_RATE_BY: Final = 1.5
TEXTS: Final = (
    "She wants to go to the sea, and I would like to go to the mountains. There is a small house on the way.",
    "I want to go to the city with you next week. Can you tell me what the weather is like today?",
    "We are going to have dinner with my mother on Sunday. I would like to know what you think about that.",
    "I am going to the market to buy some bread. He said that he would be there in the morning.",
)
"""Those of 18 sentences that the transcriber understands consistently."""


class NotItsVoice(Exception):
    """Another rung spoke than the one to be measured."""


@dataclass(frozen=True, slots=True)
class Understood:
    """The word errors of one path."""

    path: str
    words: int
    errors: int
    baseline_errors: int
    """In the same words, without our path."""

    @property
    def rate(self) -> float:
        """Word-error rate, in percent."""
        return 100.0 * self.errors / self.words

    @property
    def baseline_rate(self) -> float:
        """That of the baseline."""
        return 100.0 * self.baseline_errors / self.words


def section() -> Section:
    """Evaluate: figures vary by a few words, as espeak-ng seeds its noise by the time."""
    ways = asyncio.run(measured())
    alike = asyncio.run(clips_alike())
    lines = (
        *(_line(way) for way in ways if way.path in PATHS),
        Line("clip: sounds as its words, spoken again", sum(like > LEAST_ALIKE for like in alike), len(alike), 100.0),
    )
    return Section("voices", "Voices, recognised again", lines, (_rates(ways),))


def _line(way: Understood) -> Line:
    least = 100.0 - way.baseline_rate - MARGIN_PERCENT
    return Line(f"{way.path}: words understood", way.words - way.errors, way.words, least)


async def clips_alike() -> list[float]:
    """Measure how much each pre-rendered English clip sounds like its words, spoken again by the local voice."""
    listening, transcoder = _Listening(), Transcoder()
    found = []
    for line in SpokenLine:
        anew = await transcoder.decode(await listening.directly(clips.text_of(line, "en")[0]))
        sent = await transcoder.decode(clips.clip(line, "en"))
        found.append(likeness(pcm_of(sent), pcm_of(anew)))
    return found


async def measured() -> list[Understood]:
    """Measure the baseline, each path, the clips, and a path with a wrong rate."""
    *ways, wrong = await understood(TEXTS)
    return [*ways, await _clips(_Listening()), wrong]


async def understood(texts: Sequence[str]) -> list[Understood]:
    """Measure the baseline, each path, and a path with a wrong rate on some texts."""
    listening = _Listening()
    words = listening.words(texts)
    baseline = await listening.errors([(text, await listening.directly(text)) for text in texts])
    ways = [Understood(BASELINE, words, baseline, baseline)]
    async with Sandbox(EngineMind(SphinxRecognizer(), EspeakVoice())) as sandbox:
        for path in PATHS:
            errors = await listening.errors(await _sent(sandbox, path, texts))
            ways.append(Understood(path, words, errors, baseline))
    errors = await listening.errors(await _at_wrong_rate(texts))
    return [*ways, Understood(WRONG_RATE, words, errors, baseline)]


class _Listening:
    """The local transcriber and voice."""

    def __init__(self) -> None:
        self._recognizer = SphinxRecognizer(processes=2)
        self._voice = EspeakVoice()
        self._transcoder = Transcoder()

    async def directly(self, text: str) -> Clip:
        """Return the voice's own PCM at the transcriber's rate, untouched by us."""
        pcm = b"".join([piece async for piece in self._voice.speak(text, language="en")])
        samples = np.frombuffer(pcm, "<i2")
        count = round(samples.size * WAV_RATE / SAMPLE_RATE)
        spectrum = np.fft.rfft(samples)[: count // 2 + 1]
        resampled = np.fft.irfft(spectrum, count) * (count / samples.size)
        return wav_clip(np.clip(resampled, -32768, 32767).astype("<i2").tobytes(), sample_rate=WAV_RATE)

    async def errors(self, spoken: Iterable[tuple[str, Clip]]) -> int:
        """Transcribe recordings, two at a time; count their word errors."""
        counted = await asyncio.gather(*(self._errors(text, clip) for text, clip in spoken))
        return sum(counted)

    @staticmethod
    def words(texts: Sequence[str]) -> int:
        """Count the words of the texts."""
        return sum(word_errors(text, "")[1] for text in texts)

    async def _errors(self, text: str, clip: Clip) -> int:
        return word_errors(text, await self._recognizer.listen(await self._transcoder.decode(clip)))[0]


async def _sent(sandbox: Sandbox, path: str, texts: Iterable[str]) -> list[tuple[str, Clip]]:
    """Speak texts with the worker's own ladder and only one voice; return them as they would be sent.

    Raises:
        NotItsVoice: another rung served.
    """
    upstreams = {**sandbox.environment(), **sandbox.openai_environment()}
    async with AsyncExitStack() as closing:
        adapters = Adapters(load({**upstreams, "SYNTHESIZERS": path}).models)
        closing.push_async_callback(adapters.close)
        ladder, sent = speaking(adapters, Transcoder()), []
        for text in texts:
            served = await ladder(StreamedReply.whole(text, "en"))
            if served.rung != path:
                raise NotItsVoice(f"{served.rung} served instead of {path}")
            sent.append((text, served.value.clip))
        return sent


async def _clips(listening: _Listening) -> Understood:
    texts = [clips.text_of(line, "en")[0] for line in SpokenLine]
    baseline = await listening.errors([(text, await listening.directly(text)) for text in texts])
    errors = await listening.errors((clips.text_of(line, "en")[0], clips.clip(line, "en")) for line in SpokenLine)
    return Understood(CLIPS, listening.words(texts), errors, baseline)


class _Misled:
    """The local voice, reporting a higher sample rate than its own."""

    def __init__(self) -> None:
        self._voice = LocalSynthesizer(EspeakVoice())

    @property
    def sample_rate(self) -> int:
        """Hz; not that of the PCM."""
        return round(self._voice.sample_rate * _WRONG_RATE_BY)

    def speak(self, text: str, *, language: str, before: str = "", after: str = "") -> AsyncGenerator[bytes]:
        """Stream mono s16le PCM."""
        return self._voice.speak(text, language=language, before=before, after=after)


async def _at_wrong_rate(texts: Iterable[str]) -> list[tuple[str, Clip]]:
    speech = synthesizer_rung("misled", _Misled(), Transcoder())
    return [(text, (await speech(StreamedReply.whole(text, "en"))).clip) for text in texts]


def _rates(ways: Sequence[Understood]) -> Rows:
    rows = [
        (way.path, f"{way.errors} of {way.words}", f"{way.rate:.1f} %", f"{way.rate - way.baseline_rate:+.1f}")
        for way in ways
    ]
    head = ("path", "words wrong", "word-error rate", "points above its baseline")
    return Rows("Word-error rates", head, tuple(rows))
