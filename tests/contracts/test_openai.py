"""What the adapters of the OpenAI wire ask, and what they make of what servers of that wire alone are known to say."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from providers.errors import Rejected
from providers.models.openai import OpenAiReplier, OpenAiSynthesizer, OpenAiTranscriber
from providers.models.openai_wire import events
from providers.ports import ChatTurn, Role
from sandbox.app import OPENAI_KEY, Sandbox
from sandbox.faults import FaultKind, ScriptedFault
from sandbox.mind import ScriptedMind
from sandbox.upstreams.openai import JSON_ONLY
from tests.contracts.adapters import SPEECH, WORDS
from tests.contracts.messengers import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY = "sk-the-key"
TURNS = [ChatTurn(Role.SYSTEM, "Be kind."), ChatTurn(Role.USER, "Hello?")]
STREAM = b'data: {"choices": [{"delta": {"content": "Hello"}}]}\n\ndata: [DONE]\n\n'
"""Some servers give no reason to finish."""


@dataclass
class Server:
    """A server with a set answer."""

    url: str = ""
    says: bytes = b""
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    """Path, headers and body of each request."""

    async def handle(self, request: web.Request) -> web.Response:
        """Answer any request."""
        self.asked.append((request.path, dict(request.headers), await request.read()))
        return web.Response(body=self.says)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    """A server with a set answer."""
    made = Server()
    async with serving(made.handle) as url:
        made.url = f"{url}/v1"
        yield made


async def heard(server: Server, *, language: str | None = None) -> tuple[str, str | None]:
    """Have something recognised."""
    made = OpenAiTranscriber(server.url, KEY, model="whisper-1")
    try:
        found = await made.transcribe(SPEECH, language=language)
    finally:
        await made.close()
    return found.text, found.language


async def replied(server: Server, *, key: str = KEY) -> list[str]:
    """Have something answered."""
    made = OpenAiReplier(server.url, key, model="a/b", max_tokens=99)
    try:
        return [piece async for piece in made.reply(TURNS, language="en")]
    finally:
        await made.close()


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("english", "en"),
        ("Haitian Creole", "ht"),
        ("hi", "hi"),
        ("pt-BR", "pt"),
        ("myanmar", "my"),
        ("eng", "en"),
        ("klingon", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
async def test_a_language_is_reported_by_name_or_code(server: Server, said: object, language: str | None) -> None:
    """However the server names the language, the primary subtag comes out, or none where it is not one of ours."""
    server.says = json.dumps({"text": " Hello. ", "language": said}).encode()
    assert await heard(server) == ("Hello.", language)


async def test_a_recording_goes_out_as_a_form(server: Server) -> None:
    """The form carries the WAV with a file's name, the model, the format, and the hint; the key is in its header."""
    server.says = b'{"text": ""}'
    assert await heard(server, language="fr") == ("", None)
    path, headers, body = server.asked[0]
    assert (path, headers["Authorization"]) == ("/v1/audio/transcriptions", f"Bearer {KEY}")
    assert SPEECH.data in body
    for part in (b'filename="memo.wav"', b"audio/wav", b"whisper-1", b"verbose_json", b'name="language"\r\n\r\nfr'):
        assert part in body


async def test_verbose_json_is_given_up_where_it_is_refused() -> None:
    """Where verbose_json is refused json serves, without a language, and from then on it is asked for at once."""
    async with Sandbox(ScriptedMind(words=WORDS)) as sandbox:
        made = OpenAiTranscriber(f"{sandbox.url}/openai/v1", OPENAI_KEY, model=JSON_ONLY)
        for requests in (2, 3):
            found = await made.transcribe(SPEECH)
            assert (found.text, found.language) == (WORDS, None)
            assert sandbox.faults.requests["openai.transcribe"] == requests
        await made.close()


async def test_a_recording_that_is_refused_does_not_lose_the_language() -> None:
    """Where the recording was refused and not the format, verbose_json is asked for again the next time."""
    async with Sandbox(ScriptedMind(words=WORDS, spoken="de")) as sandbox:
        made = OpenAiTranscriber(f"{sandbox.url}/openai/v1", OPENAI_KEY, model="whisper-1")
        sandbox.faults.next(
            "openai.transcribe", ScriptedFault(FaultKind.STATUS, 400), ScriptedFault(FaultKind.STATUS, 400)
        )
        with pytest.raises(Rejected):
            await made.transcribe(SPEECH)
        assert (await made.transcribe(SPEECH)).language == "de"
        await made.close()


async def test_turns_go_out_as_they_are(server: Server) -> None:
    """The turns go out in their roles and their order; a stream is whole with its end, though none gave a reason."""
    server.says = STREAM
    assert await replied(server) == ["Hello"]
    path, headers, body = server.asked[0]
    asked = json.loads(body)
    assert (path, headers["Authorization"]) == ("/v1/chat/completions", f"Bearer {KEY}")
    assert (asked["model"], asked["max_tokens"], asked["stream"]) == ("a/b", 99, True)
    assert asked["messages"] == [{"role": turn.role.value, "content": turn.text} for turn in TURNS]


async def test_no_key_is_needed(server: Server) -> None:
    """With an empty key, as for a local server, no Authorization is sent."""
    server.says = STREAM
    await replied(server, key="")
    assert "Authorization" not in server.asked[0][1]


async def test_a_voice_is_asked_for_bare_pcm(server: Server) -> None:
    """The language's voice is asked, and for bare PCM."""
    server.says = b"\x01\x10" * 24_000
    made = OpenAiSynthesizer(server.url, KEY, model="tts", voices={"default": "alloy", "hi": "nova"})
    assert b"".join([piece async for piece in made.speak(WORDS, language="hi")]) == server.says
    await made.close()
    assert server.asked[0][0] == "/v1/audio/speech"
    assert json.loads(server.asked[0][2]) == {"model": "tts", "input": WORDS, "voice": "nova", "response_format": "pcm"}


@given(cuts=st.lists(st.integers(0, 200), max_size=12))
def test_events_are_the_same_however_they_are_cut(cuts: list[int]) -> None:
    """The network may cut a stream anywhere, within a letter too."""
    text = 'data: {"a": "é"}\r\n\r\n: no\n\ndata:[DONE]\n\nevent: data: x\ndata: हिन्दी'.encode()
    ends = [0, *sorted(cut % len(text) for cut in cuts), len(text)]

    async def pieces() -> AsyncIterator[bytes]:
        for start, end in pairwise(ends):
            yield text[start:end]

    async def found() -> list[str]:
        return [data.decode() async for data in events(pieces())]

    assert asyncio.run(found()) == ['{"a": "é"}', "[DONE]", "हिन्दी"]
