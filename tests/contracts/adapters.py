"""Every adapter that asks a vendor, by its port: how it is made, what it is asked, and where the sandbox answers it."""

from __future__ import annotations

import os
import traceback
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audio.clip import Clip, wav_clip
from providers.models.cartesia import CartesiaSynthesizer
from providers.models.elevenlabs import ElevenLabsSynthesizer, ElevenLabsTranscriber
from providers.models.huggingface import LlamaReplier, WhisperTranscriber
from providers.models.openai import OpenAiReplier, OpenAiSynthesizer, OpenAiTranscriber
from providers.ports import ChatTurn, Role
from sandbox.app import CARTESIA_KEY, ELEVENLABS_KEY, HF_TOKEN, OPENAI_KEY
from sandbox.faults import SCRIPTED
from sandbox.mind import ScriptedMind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from providers.errors import ProviderError

WORDS = "the secret words of a person"
SPEECH = wav_clip(b"\x01\x02" * 16_000, sample_rate=16_000)
PATIENT_SECONDS = 30.0
"""For what comes at once, however busy the machine is."""
SHORT_SECONDS = 0.5
"""For what never comes."""
KEYS = (HF_TOKEN, ELEVENLABS_KEY, CARTESIA_KEY, OPENAI_KEY)
VOICES = {"default": "voice-en", "fr": "voice-fr"}
_LONGEST_HUM_CHARACTERS = 60

ODD_TEXTS = {
    "emoji": "Hi 👩‍👩‍👧‍👦 there 🏳️‍🌈!",
    "right-to-left": "قال \u202bשלום\u202c لي",
    "combining": "Z\u0351\u036b\u0343a\u0300\u0301\u0302lgo",
    "lone surrogates": "so \ud83d nice \udc00",
    "surrogate pair in halves": "so \ud83d\ude00 nice",
    "NUL": "so\0 nice",
    "quotes and lines": 'a "quoted"\r\n</speak>\t{"text": null}',
    "ten scripts": "Hello नमस्ते مرحبا 你好 こんにちは 안녕 Привет Γειά שלום สวัสดี",
    "100 kB": "word " * 20_000,
}
"""What a text may be made of. The surrogates come of servers that cut characters in half."""


@dataclass(frozen=True, slots=True)
class Wired:
    """One adapter, and where it is answered."""

    name: str
    service: str
    """In errors."""
    route: str
    """In the sandbox."""
    key: str
    made: Callable[[str, str, float], Any]
    """By URL of the sandbox, key, and time-out in seconds."""
    asked: Callable[[Any, str], AsyncIterator[Any]]
    """Ask it about a text, and give its pieces."""
    check_route: str = ""
    """What check() asks, where that is something else."""

    @asynccontextmanager
    async def adapter(self, url: str, *, key: str = "", timeout_seconds: float = PATIENT_SECONDS) -> AsyncIterator[Any]:
        """Open the adapter for the block."""
        made = self.made(url, key or self.key, timeout_seconds)
        try:
            yield made
        finally:
            await made.close()

    async def ask(self, adapter: Any, text: str = WORDS) -> list[Any]:  # noqa: ANN401 (of any port)
        """Have all pieces of an answer."""
        return [piece async for piece in self.asked(adapter, text)]


class Listener(ScriptedMind):
    """Remembers what it was asked to say or answer; does not hum for hours."""

    def __init__(self) -> None:
        super().__init__(words=WORDS)
        self.told: list[str] = []

    async def reply(self, turns: Sequence[Mapping[str, str]]) -> str:
        """Answer."""
        self.told.append(turns[-1]["content"])
        return await ScriptedMind.reply(self, turns)

    async def speak(self, text: str, *, language: str, sample_rate: int) -> bytes:
        """Hum."""
        self.told.append(text)
        return await ScriptedMind.speak(
            self, text[:_LONGEST_HUM_CHARACTERS], language=language, sample_rate=sample_rate
        )


def leaked_secrets(error: ProviderError, *more: object) -> list[str]:
    """Return the secrets in an error, its causes or other output (I6)."""
    told = [*traceback.format_exception(error), *map(str, more)]
    cause: BaseException | None = error
    while cause is not None:
        told += [str(cause), repr(cause)]
        cause = cause.__cause__
    return [secret for secret in (SCRIPTED, WORDS, *KEYS) if any(secret in text for text in told)]


async def _transcribed(transcriber: Any, _: str) -> AsyncIterator[str]:  # noqa: ANN401 (of any vendor)
    yield (await transcriber.transcribe(SPEECH)).text


def _replied(wits: Any, text: str) -> AsyncIterator[str]:  # noqa: ANN401 (the same)
    pieces: AsyncIterator[str] = wits.reply([ChatTurn(Role.USER, text)], language="en")
    return pieces


def _spoken(voice: Any, text: str) -> AsyncIterator[bytes]:  # noqa: ANN401 (the same)
    pieces: AsyncIterator[bytes] = voice.speak(text, language="en")
    return pieces


TRANSCRIBERS = [
    Wired(
        "whisper",
        "huggingface",
        "whisper",
        HF_TOKEN,
        lambda url, key, seconds: WhisperTranscriber(key, f"{url}/hf-inference/models/a/b", timeout_seconds=seconds),
        _transcribed,
    ),
    Wired(
        "scribe",
        "scribe",
        "scribe",
        ELEVENLABS_KEY,
        lambda url, key, seconds: ElevenLabsTranscriber(key, base_url=url, timeout_seconds=seconds),
        _transcribed,
    ),
    Wired(
        "openai-ears",
        "openai",
        "openai.transcribe",
        OPENAI_KEY,
        lambda url, key, seconds: OpenAiTranscriber(
            f"{url}/openai/v1", key, model="whisper-1", timeout_seconds=seconds
        ),
        _transcribed,
    ),
]
REPLIERS = [
    Wired(
        "llama",
        "huggingface",
        "llama",
        HF_TOKEN,
        lambda url, key, seconds: LlamaReplier(key, f"{url}/v1", "a/b", timeout_seconds=seconds),
        _replied,
    ),
    Wired(
        "openai-wits",
        "openai",
        "openai.chat",
        OPENAI_KEY,
        lambda url, key, seconds: OpenAiReplier(f"{url}/openai/v1", key, model="a/b", timeout_seconds=seconds),
        _replied,
    ),
]
SYNTHESIZERS = [
    Wired(
        "elevenlabs",
        "elevenlabs",
        "elevenlabs",
        ELEVENLABS_KEY,
        lambda url, key, seconds: ElevenLabsSynthesizer(
            key, model="eleven_flash_v2_5", voices=VOICES, base_url=url, timeout_seconds=seconds
        ),
        _spoken,
        "elevenlabs.models",
    ),
    Wired(
        "cartesia",
        "cartesia",
        "cartesia",
        CARTESIA_KEY,
        lambda url, key, seconds: CartesiaSynthesizer(
            key, model="sonic-3", voices=VOICES, base_url=url, timeout_seconds=seconds
        ),
        _spoken,
        "cartesia.voices",
    ),
    Wired(
        "openai-voice",
        "openai",
        "openai.speech",
        OPENAI_KEY,
        lambda url, key, seconds: OpenAiSynthesizer(
            f"{url}/openai/v1", key, model="a/b", voices=VOICES, timeout_seconds=seconds
        ),
        _spoken,
    ),
]
STREAMING = [*REPLIERS, *SYNTHESIZERS]
ALL = [*TRANSCRIBERS, *STREAMING]


def recording(seconds: int) -> Clip:
    """Build a recording of so many seconds."""
    return wav_clip(b"\x01\x02" * 16_000 * seconds, sample_rate=16_000)


def children() -> set[int]:
    """Return our engines' child processes, and any that are not reaped (proc(5), /proc/PID/stat).

    Servers of other tests may be children of this process too.
    """
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            ours = int(stat.read_text().rpartition(")")[2].split()[1]) == os.getpid()
            command = (stat.parent / "cmdline").read_bytes()
            if ours and (not command or b"audio." in command):
                found.add(int(stat.parent.name))
    return found
