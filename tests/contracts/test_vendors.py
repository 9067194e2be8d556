"""What every adapter of a model promises, on the wire, with the vendor's own client."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from audio.transcode import wav_clip
from providers.cartesia import CartesiaSynthesizer
from providers.elevenlabs import ElevenLabsSynthesizer
from providers.elevenlabs_scribe import ElevenLabsTranscriber
from providers.errors import (
    BadAnswer,
    Gone,
    ProviderError,
    RateLimited,
    Rejected,
    TimedOut,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from providers.huggingface import LlamaReplier, WhisperTranscriber
from providers.openai import OpenAiReplier, OpenAiSynthesizer, OpenAiTranscriber
from providers.ports import ChatTurn, Role
from sandbox.app import CARTESIA_KEY, ELEVENLABS_KEY, HF_TOKEN, OPENAI_KEY, Sandbox
from sandbox.faults import Fault, Kind
from sandbox.mind import ScriptedMind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from consumer.ladders import Adapter, ReplierAdapter, SynthesizerAdapter, TranscriberAdapter

WORDS = "the secret words of a person"
SPEECH = wav_clip(b"\x01\x02" * 16_000, sample_rate=16_000)
TIMEOUT_SECONDS = 0.3
NAMES = ["whisper", "scribe", "openai-ears", "llama", "openai-wits", "elevenlabs", "cartesia", "openai-voice"]


@dataclass
class Tried:
    """One adapter, asked for one thing."""

    service: str
    """In errors."""
    route: str
    """In the sandbox."""
    adapter: Adapter
    ask: Callable[[], Awaitable[object]]


def _tried(name: str, url: str, *, key: str = "", timeout_seconds: float = TIMEOUT_SECONDS) -> Tried:
    """Make an adapter by its name in NAMES; an empty key stands for the right one."""
    if name in {"whisper", "scribe", "openai-ears"}:
        return _ears(name, url, key, timeout_seconds)
    if name in {"llama", "openai-wits"}:
        return _wits(name, url, key, timeout_seconds)
    return _voice(name, url, key, timeout_seconds)


def _ears(name: str, url: str, key: str, timeout: float) -> Tried:
    ears: TranscriberAdapter
    match name:
        case "whisper":
            service, route = "huggingface", "whisper"
            ears = WhisperTranscriber(key or HF_TOKEN, f"{url}/hf-inference/models/a/b", timeout_seconds=timeout)
        case "scribe":
            service, route = "scribe", "scribe"
            ears = ElevenLabsTranscriber(key or ELEVENLABS_KEY, base_url=url, timeout_seconds=timeout)
        case _:
            service, route = "openai", "openai.transcribe"
            ears = OpenAiTranscriber(f"{url}/openai/v1", key or OPENAI_KEY, model="whisper-1", timeout_seconds=timeout)
    return Tried(service, route, ears, lambda: ears.transcribe(SPEECH))


def _wits(name: str, url: str, key: str, timeout: float) -> Tried:
    wits: ReplierAdapter
    if name == "llama":
        service, route = "huggingface", "llama"
        wits = LlamaReplier(key or HF_TOKEN, f"{url}/v1", "a/b", timeout_seconds=timeout)
    else:
        service, route = "openai", "openai.chat"
        wits = OpenAiReplier(f"{url}/openai/v1", key or OPENAI_KEY, model="a/b", timeout_seconds=timeout)
    turns = [ChatTurn(Role.USER, WORDS)]
    return Tried(service, route, wits, lambda: _all(wits.reply(turns, language="en")))


def _voice(name: str, url: str, key: str, timeout: float) -> Tried:
    voices = {"default": "voice-en"}
    voice: SynthesizerAdapter
    match name:
        case "elevenlabs":
            service, route = "elevenlabs", "elevenlabs"
            voice = ElevenLabsSynthesizer(
                key or ELEVENLABS_KEY,
                model="eleven_flash_v2_5",
                voices=voices,
                base_url=url,
                timeout_seconds=timeout,
            )
        case "cartesia":
            service, route = "cartesia", "cartesia"
            voice = CartesiaSynthesizer(
                key or CARTESIA_KEY, model="sonic-3", voices=voices, base_url=url, timeout_seconds=timeout
            )
        case _:
            service, route = "openai", "openai.speech"
            voice = OpenAiSynthesizer(
                f"{url}/openai/v1", key or OPENAI_KEY, model="a/b", voices=voices, timeout_seconds=timeout
            )
    return Tried(service, route, voice, lambda: _all(voice.speak(WORDS, language="en")))


async def _all(pieces: AsyncIterator[object]) -> list[object]:
    return [piece async for piece in pieces]


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Upstreams that answer at once."""
    async with Sandbox(ScriptedMind(words=WORDS)) as made:
        yield made


@pytest_asyncio.fixture(params=NAMES)
async def tried(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Tried]:
    """Each adapter in turn."""
    made = _tried(request.param, sandbox.url)
    yield made
    await made.adapter.close()


FAULTS = [
    (Fault(Kind.HANG), TimedOut),
    (Fault(Kind.CUT), Unreachable),
    (Fault(Kind.STATUS, 401), Unauthorized),
    (Fault(Kind.STATUS, 402), Unauthorized),
    (Fault(Kind.STATUS, 403), Unauthorized),
    (Fault(Kind.STATUS, 404), Gone),
    (Fault(Kind.STATUS, 422), Rejected),
    (Fault(Kind.STATUS, 429, "7"), RateLimited),
    (Fault(Kind.STATUS, 500), Unavailable),
    (Fault(Kind.STATUS, 503), Unavailable),
    (Fault(Kind.EMPTY), BadAnswer),
]


@pytest.mark.parametrize(("fault", "kind"), FAULTS, ids=lambda value: getattr(value, "__name__", ""))
async def test_fault_becomes_its_error(tried: Tried, sandbox: Sandbox, fault: Fault, kind: type[ProviderError]) -> None:
    """Each fault of the service becomes the one error that says what to do, after one request and no hidden retry.

    But for the recogniser of the OpenAI wire: a 422 may mean that verbose_json is unknown, so json is asked for once.
    """
    sandbox.faults.always(tried.route, fault)
    with pytest.raises(kind) as raised:
        await tried.ask()
    assert type(raised.value) is kind
    assert raised.value.service == tried.service
    asked_twice = tried.route == "openai.transcribe" and fault.status == 422
    assert sandbox.faults.requests[tried.route] == 1 + asked_twice
    if fault.kind is Kind.STATUS:
        assert raised.value.status == fault.status
    if fault.retry_after is not None:
        assert raised.value.retry_after_seconds == float(fault.retry_after)


@pytest.mark.parametrize("fault", [fault for fault, _ in FAULTS], ids=lambda fault: f"{fault.kind}-{fault.status}")
async def test_errors_tell_no_secrets(tried: Tried, sandbox: Sandbox, fault: Fault) -> None:
    """Neither the key nor what was said stands in an error's text, nor in the adapter's repr (I6)."""
    sandbox.faults.always(tried.route, fault)
    with pytest.raises(ProviderError) as raised:
        await tried.ask()
    told = f"{raised.value} {raised.value!r} {tried.adapter!r}"
    assert not any(secret in told for secret in (WORDS, HF_TOKEN, ELEVENLABS_KEY, CARTESIA_KEY, OPENAI_KEY))


@pytest.mark.parametrize("name", NAMES)
async def test_wrong_key_is_told_by_check(name: str, sandbox: Sandbox) -> None:
    """check() passes with the right key, and with a wrong one says that the key is wrong."""
    right, wrong = _tried(name, sandbox.url), _tried(name, sandbox.url, key="hf_wrong")
    try:
        await right.adapter.check()
        with pytest.raises(Unauthorized):
            await wrong.adapter.check()
    finally:
        await right.adapter.close()
        await wrong.adapter.close()


@pytest.mark.parametrize("name", NAMES)
async def test_nobody_there(name: str, unused_tcp_port: int) -> None:
    """A refused connection is Unreachable."""
    made = _tried(name, f"http://127.0.0.1:{unused_tcp_port}")
    try:
        with pytest.raises(Unreachable):
            await made.ask()
    finally:
        await made.adapter.close()


@pytest.mark.parametrize("name", NAMES)
async def test_cancelled_half_way(name: str, sandbox: Sandbox) -> None:
    """A request that is cancelled ends at once, and the adapter serves the next one."""
    tried = _tried(name, sandbox.url, timeout_seconds=30)
    sandbox.faults.next(tried.route, Fault(Kind.HANG))
    asking = asyncio.ensure_future(tried.ask())
    while not sandbox.faults.requests[tried.route]:  # noqa: ASYNC110 (one turn of the loop at a time)
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await tried.ask()
    await tried.adapter.close()


async def test_whisper_hears(sandbox: Sandbox) -> None:
    """The words come back stripped, without a language, for the wire has none."""
    made = WhisperTranscriber(HF_TOKEN, f"{sandbox.url}/hf-inference/models/a/b")
    heard = await made.transcribe(SPEECH)
    await made.close()
    assert (heard.text, heard.language) == (WORDS, None)


@pytest.mark.parametrize("language", ["en", "hi", "zh"])
async def test_scribe_hears_and_tells_the_language(sandbox: Sandbox, language: str) -> None:
    """The words come back stripped, with the primary subtag for the code of three letters that Scribe reports."""
    assert isinstance(sandbox.mind, ScriptedMind)
    sandbox.mind.words, sandbox.mind.spoken = f" {WORDS}\n", language
    made = ElevenLabsTranscriber(ELEVENLABS_KEY, base_url=sandbox.url)
    heard = await made.transcribe(SPEECH, language=language)
    await made.close()
    assert (heard.text, heard.language) == (WORDS, language)


async def test_llama_streams(sandbox: Sandbox) -> None:
    """The reply comes in several pieces that join to the whole."""
    made = LlamaReplier(HF_TOKEN, f"{sandbox.url}/v1", "a/b")
    pieces = await _all(made.reply([ChatTurn(Role.USER, WORDS)], language="en"))
    assert len(pieces) > 3
    assert "".join(map(str, pieces)) == f"I heard you say: {WORDS}. Thank you for telling me!"


async def test_garbage_is_a_bad_answer(sandbox: Sandbox) -> None:
    """What is not what the wire says is a BadAnswer, for recogniser and model alike."""
    for name in ("whisper", "scribe", "openai-ears", "llama", "openai-wits"):
        made = _tried(name, sandbox.url)
        sandbox.faults.next(made.route, Fault(Kind.GARBAGE))
        with pytest.raises(BadAnswer):
            await made.ask()
        await made.adapter.close()


@pytest.mark.parametrize("name", ["elevenlabs", "cartesia", "openai-voice"])
async def test_voice_speaks_whole_samples(name: str, sandbox: Sandbox) -> None:
    """Pieces hold whole samples, however the network cut them, and nothing is lost."""
    made = _tried(name, sandbox.url)
    pieces = await made.ask()
    await made.adapter.close()
    assert isinstance(pieces, list)
    assert all(len(piece) % 2 == 0 for piece in pieces)
    assert sum(map(len, pieces)) == round(len(WORDS) * 0.06 * 24_000) * 2


async def test_voice_left_early(sandbox: Sandbox) -> None:
    """A listener that stops after the first piece leaves no connection behind."""
    made = ElevenLabsSynthesizer(
        ELEVENLABS_KEY, model="eleven_flash_v2_5", voices={"default": "voice-en"}, base_url=sandbox.url
    )
    async with aclosing(made.speak(WORDS * 50, language="en")) as pieces:  # type: ignore[type-var] # a generator
        async for _ in pieces:
            break
    await made.close()
