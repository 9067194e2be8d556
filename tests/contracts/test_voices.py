"""Which voice is asked to speak which language, on each vendor's wire; and that nothing is asked where none can."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiohttp import web

from audio.clips import LANGUAGES
from audio.engines.espeak import EspeakVoice
from audio.transcode import Transcoder
from consumer.settings import load
from conversation.draft import StreamedReply
from conversation.ladders import speaking
from providers.errors import NoVoice
from providers.factory import Adapters
from providers.models.local import LocalSynthesizer
from providers.models.voices import CARTESIA_VOICES, DEFAULT, ELEVENLABS_VOICES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from providers.factory import SynthesizerAdapter
    from providers.settings import ModelSettings

PCM = b"\x01\x10" * 24_000


@dataclass
class Listener:
    """A server that speaks the same second, whatever it is asked, and remembers what it was."""

    url: str = ""
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Path and body of each request."""

    async def handle(self, request: web.Request) -> web.Response:
        """Answer any request."""
        self.asked.append((request.path, await request.json()))
        return web.Response(body=PCM, content_type="application/octet-stream")


@pytest_asyncio.fixture
async def listener() -> AsyncIterator[Listener]:
    """A server on loopback."""
    made = Listener()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}"
    yield made
    await runner.cleanup()


def _settings(listener: Listener, **more: str) -> ModelSettings:
    """Load settings with only a key and an address for each vendor."""
    return load(
        {
            "ELEVENLABS_API_KEY": "k",
            "ELEVENLABS_BASE_URL": listener.url,
            "CARTESIA_API_KEY": "k",
            "CARTESIA_BASE_URL": listener.url,
            "OPENAI_API_KEY": "k",
            "OPENAI_BASE_URL": listener.url,
            **more,
        },
        complete=False,
    ).models


@pytest_asyncio.fixture
async def adapters(listener: Listener) -> AsyncIterator[Adapters]:
    """All voices, with keys alone."""
    made = Adapters(_settings(listener))
    yield made
    await made.close()


async def _spoken(adapter: SynthesizerAdapter, language: str) -> int:
    return sum([len(piece) async for piece in adapter.speak("Hello", language=language)])


@pytest.mark.parametrize("language", sorted(LANGUAGES))
async def test_a_key_alone_speaks_our_languages(adapters: Adapters, listener: Listener, language: str) -> None:
    """Each vendor is asked for its own voice of the language, and sent the language where its wire has one."""
    for name in ("elevenlabs", "cartesia", "openai"):
        assert await _spoken(adapters.synthesizers[name], language) == len(PCM)
    (eleven_path, eleven), (_, cartesia), (_, openai) = listener.asked
    assert eleven_path == f"/v1/text-to-speech/{ELEVENLABS_VOICES[DEFAULT]}/stream"
    assert (eleven["language_code"], eleven["model_id"]) == (language, "eleven_flash_v2_5")
    voice = CARTESIA_VOICES.get(language, CARTESIA_VOICES[DEFAULT])
    assert (cartesia["language"], cartesia["voice"]["id"], cartesia["model_id"]) == (language, voice, "sonic-3")
    assert openai["voice"] == "alloy"


async def test_chosen_voices_are_asked_for(listener: Listener) -> None:
    """A voice that is configured for a language is the one that is asked, also for one that the model does not list."""
    adapters = Adapters(_settings(listener, ELEVENLABS_VOICES="default=D,sw=S", CARTESIA_VOICES="fr=F"))
    try:
        for language in ("sw", "fr"):
            await _spoken(adapters.synthesizers["elevenlabs"], language)
        await _spoken(adapters.synthesizers["cartesia"], "fr")
    finally:
        await adapters.close()
    assert [path for path, _ in listener.asked[:2]] == [f"/v1/text-to-speech/{voice}/stream" for voice in "SD"]
    assert listener.asked[2][1]["voice"]["id"] == "F"


async def test_tagalog_has_another_name_at_elevenlabs(adapters: Adapters, listener: Listener) -> None:
    """ElevenLabs calls it Filipino."""
    await _spoken(adapters.synthesizers["elevenlabs"], "tl")
    assert listener.asked[0][1]["language_code"] == "fil"


@pytest.mark.parametrize(("name", "language"), [("elevenlabs", "sw"), ("cartesia", "ca"), ("openai", "yo")])
async def test_nothing_is_asked_where_no_voice_speaks_it(
    adapters: Adapters, listener: Listener, name: str, language: str
) -> None:
    """A language that the model does not speak costs no request."""
    with pytest.raises(NoVoice):
        await _spoken(adapters.synthesizers[name], language)
    assert listener.asked == []


async def test_the_local_voice_refuses_too() -> None:
    """The local voice does not read out a language that it does not speak."""
    made = LocalSynthesizer(EspeakVoice())
    with pytest.raises(NoVoice):
        await _spoken(made, "yo")


@pytest.mark.parametrize(
    ("language", "rung", "passed_over"),
    [
        ("fr", "elevenlabs", []),
        ("bn", "cartesia", ["elevenlabs"]),
        ("sw", "openai", ["elevenlabs", "cartesia"]),
        ("gu", "cartesia", ["elevenlabs"]),
        ("ln", "clip", ["elevenlabs", "cartesia", "openai"]),
    ],
)
async def test_the_next_voice_that_speaks_it_is_taken(
    adapters: Adapters, listener: Listener, language: str, rung: str, passed_over: list[str]
) -> None:
    """Voices that do not speak the language are passed over, unpaid; where none does, the clip is heard."""
    del adapters.synthesizers["local"]
    voices = speaking(adapters, Transcoder())
    served = await voices(StreamedReply.whole("Mbote, ndenge nini?", language))
    assert served.rung == rung
    fallen = [(attempt.rung, attempt.error) for attempt in served.attempts if attempt.error]
    assert [each for each in fallen if not each[0].endswith("-short")] == [(name, "no-voice") for name in passed_over]
    assert len(listener.asked) == (rung != "clip")
    assert all(voices.states()[name] == "closed" for name in passed_over)


async def test_a_short_line_in_another_language_is_no_second_chance(listener: Listener) -> None:
    """Where the short line is not there in the language, the local voice says the whole reply rather than that."""
    adapters = Adapters(_settings(listener, SYNTHESIZERS="elevenlabs,local"))
    try:
        served = await asyncio.wait_for(
            speaking(adapters, Transcoder())(StreamedReply.whole("Bon dia, com estàs?", "ca")), 30
        )
    finally:
        await adapters.close()
    assert [(attempt.rung, attempt.error) for attempt in served.attempts] == [
        ("elevenlabs", "no-voice"),
        ("elevenlabs-short", "no-voice"),
        ("local", None),
    ]
    assert served.value.said == "Bon dia, com estàs?"
