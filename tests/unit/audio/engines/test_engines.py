"""The local engines: a voice and a recognizer that run as child processes, and leave nothing behind."""

from __future__ import annotations

import asyncio

import pytest

from audio.clip import Clip, wav_clip
from audio.engines.espeak import SAMPLE_RATE, VOICES, EspeakVoice
from audio.engines.sphinx import SphinxRecognizer
from audio.errors import EngineError
from audio.formats import sniff
from audio.loudness import voiced_seconds
from audio.transcode import Transcoder
from tests.harness.paths import MEMOS


async def _pcm(text: str, language: str) -> bytes:
    return b"".join([piece async for piece in EspeakVoice().speak(text, language=language)])


@pytest.mark.parametrize(
    ("language", "text"), [("en", "Hello there."), ("hi", "नमस्ते"), ("zh", "你好"), ("ar", "مرحبا"), ("fr", "Bonjour")]
)
async def test_voice_speaks(language: str, text: str) -> None:
    """A short text becomes sound of a fitting length, in whole samples."""
    pcm = await _pcm(text, language)
    assert len(pcm) % 2 == 0
    assert 0.2 < len(pcm) / 2 / SAMPLE_RATE < 5


async def test_every_voice_is_there() -> None:
    """Each language that is named has a voice in the wheel."""
    for language in VOICES:
        assert await _pcm("1 2 3", language), language


async def test_markup_is_spoken_as_it_stands() -> None:
    """Text that looks like SSML is read out, not obeyed: it takes longer than its words alone."""
    marked = await _pcm('<break time="1ms"/> hello', "en")
    assert len(marked) > 2 * len(await _pcm("hello", "en"))


async def test_unknown_language_is_an_error() -> None:
    """A language without a voice is an error, not spoken in another's."""
    with pytest.raises(EngineError, match="no local voice"):
        await _pcm("hello", "xx")


@pytest.mark.parametrize("text", ["", " ", "\n"])
async def test_nothing_to_say_is_an_error(text: str) -> None:
    """Silence is no speech."""
    with pytest.raises(EngineError, match="no sound"):
        await _pcm(text, "en")


async def test_ears_hear_words() -> None:
    """Most of the words of a clear English recording come back."""
    data = (MEMOS / "en-call-me.caf").read_bytes()
    wav = await Transcoder().decode(Clip(data, sniff(data)))
    heard = (await SphinxRecognizer().listen(wav)).split()
    said = ["please", "call", "me", "back", "when", "you", "have", "time"]
    assert len(set(said) & set(heard)) >= 6


@pytest.mark.parametrize("pcm", [b"", bytes(3200), bytes(32000)])
async def test_ears_hear_nothing_in_silence(pcm: bytes) -> None:
    """Silence, or no sound at all, is no error and few words."""
    assert len((await SphinxRecognizer().listen(wav_clip(pcm, sample_rate=16_000))).split()) <= 1


async def test_engine_that_takes_too_long_is_ended() -> None:
    """Past its deadline an engine is killed and reaped."""
    voice = EspeakVoice(deadline_seconds=0.01)
    with pytest.raises(EngineError, match="no end within"):
        _ = [piece async for piece in voice.speak("hello", language="en")]


async def test_cancelled_engine_is_ended() -> None:
    """A speaker who is cancelled leaves no process, and frees the slot for the next."""
    voice = EspeakVoice(processes=1)

    async def speak(text: str) -> int:
        return sum([len(piece) async for piece in voice.speak(text, language="en")])

    speaking = asyncio.create_task(speak("a long story " * 300))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking
    assert await speak("hello")


async def test_voice_and_ears_understand_each_other() -> None:
    """What the local voice says at its own rate is loud and clear enough for a gate before speech recognition."""
    wav = wav_clip(await _pcm("Please call me back when you have time.", "en"), sample_rate=SAMPLE_RATE)
    decoded = await Transcoder().decode(wav)
    assert voiced_seconds(decoded) > 1
