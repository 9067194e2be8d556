"""What every synthesizer promises besides the contract of all adapters (test_adapters.py); and the local one's part."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiohttp import web

from audio.engines.espeak import LONGEST_TEXT, EspeakVoice
from providers.errors import BadAnswer, NoVoice, ProviderError, Rejected, Unavailable
from providers.models.elevenlabs import ElevenLabsSynthesizer
from providers.models.local import LocalSynthesizer
from providers.wire.text import repair_surrogates
from sandbox.app import Sandbox
from sandbox.faults import FaultKind, ScriptedFault
from tests.contracts.adapters import ODD_TEXTS, SYNTHESIZERS, WORDS, Listener, Wired, children, leaked_secrets
from tests.contracts.messengers import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RATE = 24_000
SOUND = b"\x01\x10" * RATE
NOTHING = {"empty": "", "blanks": " \n\t\u2003", "half a character": "\ud83d", "NUL": "\0\0"}


@pytest.fixture
def mind() -> Listener:
    """What stands behind all of them."""
    return Listener()


@pytest_asyncio.fixture
async def sandbox(mind: Listener) -> AsyncIterator[Sandbox]:
    """Upstreams that answer at once."""
    async with Sandbox(mind) as made:
        yield made


@pytest.fixture(params=SYNTHESIZERS, ids=lambda wired: wired.name)
def wired(request: pytest.FixtureRequest) -> Wired:
    """Each adapter of a vendor in turn."""
    found: Wired = request.param
    return found


async def test_pieces_are_whole_samples(wired: Wired, sandbox: Sandbox) -> None:
    """Pieces hold whole samples, however the network cut them, and nothing is lost."""
    async with wired.adapter(sandbox.url) as voice:
        assert voice.sample_rate == RATE
        pieces = await wired.ask(voice)
    assert all(piece and len(piece) % 2 == 0 for piece in pieces)
    assert sum(map(len, pieces)) == round(len(WORDS) * 0.06 * RATE) * 2


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
async def test_odd_texts_are_asked_whole(wired: Wired, sandbox: Sandbox, mind: Listener, text: str) -> None:
    """Whatever is to be said goes out whole, but for half characters and NUL, which are no text."""
    async with wired.adapter(sandbox.url) as voice:
        assert await wired.ask(voice, text)
    assert mind.told == [repair_surrogates(text)]


@pytest.mark.parametrize("text", NOTHING.values(), ids=NOTHING.keys())
async def test_nothing_is_not_asked(wired: Wired, sandbox: Sandbox, text: str) -> None:
    """Where there is nothing to say, nothing is asked or paid."""
    async with wired.adapter(sandbox.url) as voice:
        with pytest.raises(ProviderError) as raised:
            await wired.ask(voice, text)
    assert type(raised.value) is Rejected
    assert sandbox.faults.requests[wired.route] == 0


async def test_sound_without_end_is_bounded(wired: Wired, sandbox: Sandbox) -> None:
    """A server that never stops is left when there is more than anybody says, and that is no reply."""
    sandbox.faults.next(wired.route, ScriptedFault(FaultKind.ENDLESS))
    async with wired.adapter(sandbox.url) as voice:
        with pytest.raises(ProviderError) as raised:
            await wired.ask(voice)
        while not sandbox.faults.left[wired.route]:  # noqa: ASYNC110 (the server's state)
            await asyncio.sleep(0.001)
    assert type(raised.value) is BadAnswer


NO_SOUND = {
    "nothing": ([], ""),
    "a blip": ([SOUND[:1000]], "audio/pcm"),
    "silence": ([bytes(len(SOUND))], "audio/pcm"),
    "a WAV": ([b"RI", b"FF$$$$WAVE", SOUND], "audio/wav"),
    "Ogg": ([b"OggS", SOUND], ""),
    "an MP3 with tags": ([b"ID3\x04", SOUND], "audio/mpeg"),
    "JSON": ([b'{"a": 7}', SOUND], "application/json"),
    "JSON under no name": ([b'{"detail": {}}', SOUND], ""),
    "a page": ([b"<html>", SOUND], "text/html; charset=utf-8"),
    "a page under no name": ([b"<!doctype html>", SOUND], "application/octet-stream"),
}


@pytest.mark.parametrize(("pieces", "content_type"), NO_SOUND.values(), ids=NO_SOUND.keys())
async def test_what_is_not_bare_pcm_is_not_played(wired: Wired, pieces: list[bytes], content_type: str) -> None:
    """Nothing, a container or words in the place of sound are a BadAnswer: no noise or silence is played."""
    async with streaming(pieces, content_type) as url, wired.adapter(url) as voice:
        with pytest.raises(ProviderError) as raised:
            await wired.ask(voice)
    assert type(raised.value) is BadAnswer


@pytest.mark.parametrize("content_type", ["", "audio/pcm", "audio/mpeg", "application/octet-stream"])
async def test_bare_pcm_is_played_under_any_name(wired: Wired, content_type: str) -> None:
    """Gateways label all sound alike: it is what it is; a last half sample is dropped."""
    async with streaming([SOUND[:3], SOUND[3:], b"\x01"], content_type) as url, wired.adapter(url) as voice:
        assert b"".join(await wired.ask(voice)) == SOUND


class streaming:  # noqa: N801 (used like a function)
    """A server that says these pieces, whatever it is asked; gives its URL."""

    def __init__(self, pieces: list[bytes], content_type: str) -> None:
        self._pieces = pieces
        self._headers = {"Content-Type": content_type} if content_type else {}
        self._serving = serving(self._says)

    async def _says(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers=self._headers)
        await response.prepare(request)
        for piece in self._pieces:
            await response.write(piece)
            await asyncio.sleep(0)
        return response

    async def __aenter__(self) -> str:
        return await self._serving.__aenter__()

    async def __aexit__(self, *_: object) -> None:
        await self._serving.__aexit__()


async def test_the_melody_carries_over() -> None:
    """ElevenLabs is sent what stands before and after a piece, so that the melody carries over the joins."""
    told: list[dict[str, object]] = []

    async def say(request: web.Request) -> web.Response:
        told.append(await request.json())
        return web.Response(body=SOUND, content_type="application/octet-stream")

    async with serving(say) as url:
        voice = ElevenLabsSynthesizer("key", model="eleven_flash_v2_5", voices={"default": "x"}, base_url=url)
        for before, after in (("", ""), ("One. \ud83d", "Three.")):
            assert [piece async for piece in voice.speak("Two.", language="en", before=before, after=after)]
        await voice.close()
    assert [(each.get("previous_text"), each.get("next_text")) for each in told] == [
        (None, None),
        ("One. ", "Three."),
    ]


async def said(voice: LocalSynthesizer, text: str, language: str = "en") -> bytes:
    """Have the local voice say something."""
    pieces = [piece async for piece in voice.speak(text, language=language)]
    assert all(len(piece) % 2 == 0 for piece in pieces)
    return b"".join(pieces)


@pytest.mark.parametrize("text", [text for text in ODD_TEXTS.values() if len(text) < LONGEST_TEXT])
async def test_the_local_one_says_odd_texts(text: str) -> None:
    """Whatever text can be written down is spoken, what follows a NUL or a half character too."""
    voice = LocalSynthesizer(EspeakVoice())
    length = len(await said(voice, text))
    assert length > voice.sample_rate // 2
    assert length == len(await said(voice, repair_surrogates(text)))


@pytest.mark.parametrize("text", [*NOTHING.values(), ODD_TEXTS["100 kB"]], ids=[*NOTHING.keys(), "too long"])
async def test_the_local_one_says_the_whole_or_nothing(text: str) -> None:
    """What is nothing, or more than it can say, is refused, and no engine is started."""
    with pytest.raises(ProviderError) as raised:
        await said(LocalSynthesizer(EspeakVoice()), text)
    assert type(raised.value) is Rejected
    assert leaked_secrets(raised.value) == []


async def test_the_local_one_refuses_and_fails_by_name() -> None:
    """A language that it does not speak, a text without sound and an engine that takes too long have their errors."""
    with pytest.raises(NoVoice):
        await said(LocalSynthesizer(EspeakVoice()), "Hello", "xx")
    for voice, text in ((EspeakVoice(), "\u200b"), (EspeakVoice(deadline_seconds=0.001), WORDS)):
        with pytest.raises(ProviderError) as raised:
            await said(LocalSynthesizer(voice), text)
        assert type(raised.value) is Unavailable
        assert leaked_secrets(raised.value) == []
        assert children() == set()


async def test_the_local_one_is_left_or_cancelled() -> None:
    """Who leaves after the first piece, or is cancelled, leaves no process; and the one slot is free for the next."""
    voice = LocalSynthesizer(EspeakVoice(processes=1))
    long = "And so it went on. " * 200
    async with aclosing(voice.speak(long, language="en")) as pieces:
        async for _ in pieces:
            break
    assert children() == set()
    asking = asyncio.ensure_future(said(voice, long))
    while not children():  # noqa: ASYNC110 (the system's state)
        await asyncio.sleep(0.001)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert children() == set()
    assert await said(voice, "Hello")


async def test_the_local_one_has_no_end() -> None:
    """Twenty calls, some at once, are served alike, and leave no process; check() and close() ask nothing of it."""
    voice = LocalSynthesizer(EspeakVoice(processes=2))
    await voice.check()
    alone = len(await said(voice, "Hello"))
    together = await asyncio.gather(*(said(voice, "Hello") for _ in range(19)))
    assert {len(each) for each in together} == {alone}  # its samples differ, for its breath is noise
    assert children() == set()
    await voice.close()
    await voice.close()
