"""What the adapters of the OpenAI wire make of all that servers of that wire are known to say."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from audio.transcode import wav_clip
from providers.errors import BadAnswer, ProviderError, RateLimited, Rejected, TimedOut, Unavailable, Unreachable
from providers.openai import OpenAiReplier, OpenAiSynthesizer, OpenAiTranscriber
from providers.openai_wire import events
from providers.ports import ChatTurn, Role
from sandbox.app import OPENAI_KEY, Sandbox
from sandbox.faults import Fault, Kind
from sandbox.mind import ScriptedMind
from sandbox.openai import JSON_ONLY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

WORDS = "the secret words of a person"
KEY = "sk-the-key"
SPEECH = wav_clip(b"\x01\x02" * 16_000, sample_rate=16_000)
TURNS = [ChatTurn(Role.SYSTEM, "Be kind."), ChatTurn(Role.USER, "Hello?")]


@dataclass
class Server:
    """A server that says what it is told to, byte by byte."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Sequence[bytes] = ()
    then: str = "end"
    """What follows the pieces: end, cut or hang."""
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    """Path, headers and body of each request."""
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer any request."""
        self.asked.append((request.path, dict(request.headers), await request.read()))
        response = web.StreamResponse(status=self.status, headers=self.headers)
        response.enable_chunked_encoding()
        await response.prepare(request)
        for piece in self.pieces:
            await response.write(piece)
            await asyncio.sleep(0)
        if self.then == "hang":
            await self.closing.wait()
        if self.then != "end" and request.transport is not None:
            request.transport.abort()
        return response

    def says(self, *pieces: bytes, then: str = "end", status: int = 200, content_type: str = "") -> None:
        """Tell it what to say."""
        self.pieces, self.then, self.status = pieces, then, status
        self.headers = {"Content-Type": content_type} if content_type else {}


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """Run a server."""
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}/v1"
    try:
        yield server
    finally:
        server.closing.set()
        await runner.cleanup()


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    """A server that says what it is told to."""
    async with serving() as made:
        yield made


async def heard(server: Server, *, language: str | None = None) -> tuple[str, str | None]:
    """Have something recognised."""
    made = OpenAiTranscriber(server.url, KEY, model="whisper-1", timeout_seconds=1.0)
    try:
        found = await made.transcribe(SPEECH, language=language)
    finally:
        await made.close()
    return found.text, found.language


async def replied(server: Server, *, key: str = KEY) -> list[str]:
    """Have something answered."""
    made = OpenAiReplier(server.url, key, model="a/b", timeout_seconds=0.5, max_tokens=99)
    try:
        return [piece async for piece in made.reply(TURNS, language="en")]
    finally:
        await made.close()


async def spoken(server: Server) -> bytes:
    """Have something spoken."""
    made = OpenAiSynthesizer(server.url, KEY, model="tts", voices={"default": "alloy", "hi": "nova"})
    try:
        return b"".join([piece async for piece in made.speak(WORDS, language="hi")])
    finally:
        await made.close()


def chunk(content: str | None = None, finish: str | None = None, **more: object) -> bytes:
    """Write a chunk of a chat stream."""
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice], **more}).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


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
async def test_a_language_is_told_by_name_or_code(server: Server, said: object, language: str | None) -> None:
    """However the server names the language, the primary subtag comes out, or none where it is not one of ours."""
    server.says(json.dumps({"text": " Hello. ", "language": said}).encode())
    assert await heard(server) == ("Hello.", language)


async def test_a_recording_goes_out_as_a_form(server: Server) -> None:
    """The form carries the WAV with a file's name, the model, the format, and the hint; the key is in its header."""
    server.says(b'{"text": ""}')
    assert await heard(server, language="fr") == ("", None)
    path, headers, body = server.asked[0]
    assert (path, headers["Authorization"]) == ("/v1/audio/transcriptions", f"Bearer {KEY}")
    assert SPEECH.data in body
    for part in (b'filename="memo.wav"', b"audio/wav", b"whisper-1", b"verbose_json", b'name="language"\r\n\r\nfr'):
        assert part in body


@pytest.mark.parametrize("answer", [b"", b"[]", b'"hi"', b"null", b"{}", b'{"text": 5}', b"\xff", b"[" * 200_000])
async def test_no_transcript_is_a_bad_answer(server: Server, answer: bytes) -> None:
    """What is no transcript is a BadAnswer, whatever it is."""
    server.says(answer)
    with pytest.raises(BadAnswer):
        await heard(server)


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
        sandbox.faults.next("openai.transcribe", Fault(Kind.STATUS, 400), Fault(Kind.STATUS, 400))
        with pytest.raises(Rejected):
            await made.transcribe(SPEECH)
        assert (await made.transcribe(SPEECH)).language == "de"
        await made.close()


@pytest.mark.parametrize(
    ("kind", "error"), [(Kind.ACCEPTED_THEN_CUT, Unreachable), (Kind.ACCEPTED_THEN_HANG, TimedOut)]
)
async def test_a_transcript_that_never_comes(kind: Kind, error: type[ProviderError]) -> None:
    """A request that was done and never answered is as one that was not."""
    async with Sandbox(ScriptedMind()) as sandbox:
        sandbox.faults.always("openai.transcribe", Fault(kind))
        made = OpenAiTranscriber(f"{sandbox.url}/openai/v1", OPENAI_KEY, model="whisper-1", timeout_seconds=0.3)
        with pytest.raises(error):
            await made.transcribe(SPEECH)
        await made.close()


STREAMS = {
    "done": [chunk("Hel"), chunk("lo"), chunk(None, "stop"), DONE],
    "done without a reason": [chunk("Hel"), chunk("lo"), DONE],
    "a reason without done": [chunk("Hel"), chunk("lo", "length")],
    "a reason and usage": [chunk("Hello"), chunk("", "stop"), b'data: {"choices": [], "usage": {}}\n\n', DONE],
    "comments": [b": OPENROUTER PROCESSING\n\n", b"event: x\nid: 1\n", chunk("Hello"), b": ping\n\n", DONE],
    "other deltas": [
        b'data: {"choices": [{"delta": {"role": "assistant", "reasoning_content": "hm"}}]}\r\n\r\n',
        b'data:{"choices": [{"delta": null}]}\n\n',
        chunk("Hello"),
        DONE.rstrip(),
    ],
}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS.keys())
async def test_streams_of_all_makes(server: Server, stream: list[bytes]) -> None:
    """The words come out, and nothing but the words, however the server marks the end."""
    server.says(*stream, content_type="text/event-stream")
    assert "".join(await replied(server)) == "Hello"
    path, headers, body = server.asked[0]
    asked = json.loads(body)
    assert (path, headers["Authorization"]) == ("/v1/chat/completions", f"Bearer {KEY}")
    assert (asked["model"], asked["max_tokens"], asked["stream"]) == ("a/b", 99, True)
    assert asked["messages"][0] == {"role": "system", "content": "Be kind."}


async def test_a_reply_is_given_as_it_comes(server: Server) -> None:
    """A piece is given before the next is there; and who stops listening closes the connection."""
    server.says(chunk("Hello"), then="hang")
    made = OpenAiReplier(server.url, KEY, model="a/b", timeout_seconds=30)
    async with aclosing(made.reply(TURNS, language="en")) as pieces:  # type: ignore[type-var] # a generator
        async for piece in pieces:
            assert piece == "Hello"
            break
    await made.close()


async def test_the_end_is_not_waited_for(server: Server) -> None:
    """After the last chunk a server may leave the connection open: the reply is whole."""
    server.says(chunk("Hello"), chunk("", "stop"), then="hang")
    assert await replied(server) == ["Hello"]


async def test_a_reply_without_end_is_bounded(server: Server) -> None:
    """A server that minds no max_tokens is left when there is more than enough."""
    server.says(*[chunk("x" * 1000)] * 50, then="hang")
    assert len("".join(await replied(server))) == 8_000


@pytest.mark.parametrize(
    ("stream", "then", "kind"),
    [
        ([chunk("Hel")], "end", BadAnswer),
        ([chunk("Hel")], "cut", BadAnswer),
        ([chunk("Hel")], "hang", TimedOut),
        ([chunk("Hel"), chunk("lo", "error"), DONE], "end", BadAnswer),
        ([chunk("Hel"), chunk(None, "content_filter"), DONE], "end", BadAnswer),
        ([chunk("Hel"), b'data: {"error": {"message": "oh"}}\n\n', DONE], "end", BadAnswer),
        ([chunk("Hel"), chunk(None, "error", error={"code": 429})], "end", RateLimited),
        ([b'data: {"error": {"code": 502, "message": "oh"}}\n\n'], "end", Unavailable),
        ([chunk(None, "stop"), DONE], "end", BadAnswer),
        ([DONE], "end", BadAnswer),
        ([b'{"choices": [{"message": {"content": "Hello"}}]}'], "end", BadAnswer),
        ([b"<html>Welcome</html>"], "end", BadAnswer),
        ([b"data: {\n\n", DONE], "end", BadAnswer),
        ([b"data: []\n\n", DONE], "end", BadAnswer),
        ([b'data: {"choices": 7}\n\n', DONE], "end", BadAnswer),
        ([b'data: {"choices": [7]}\n\n', DONE], "end", BadAnswer),
        ([b'data: {"choices": [{"delta": {"content": 7}}]}\n\n', DONE], "end", BadAnswer),
        ([b"data: \xff\n\n", DONE], "end", BadAnswer),
        ([b"data: " + b"x" * 65_536] + [b"x" * 65_536] * 17, "end", BadAnswer),
    ],
)
async def test_half_a_reply_is_none(server: Server, stream: list[bytes], then: str, kind: type[ProviderError]) -> None:
    """A stream that ends without its end, tells of an error or is not one, is an error of ours, and the right one."""
    server.says(*stream, then=then, content_type="text/event-stream")
    with pytest.raises(ProviderError) as raised:
        await replied(server)
    assert type(raised.value) is kind
    assert "Hel" not in str(raised.value)


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


async def test_bare_pcm_is_spoken(server: Server) -> None:
    """The language's voice is asked for bare PCM, and all of it comes."""
    server.says(b"\x01\x02\x03", b"\x04\x05\x06", content_type="audio/mpeg")  # gateways label all sound so
    assert await spoken(server) == b"\x01\x02\x03\x04\x05\x06"
    assert json.loads(server.asked[0][2]) == {"model": "tts", "input": WORDS, "voice": "nova", "response_format": "pcm"}


@pytest.mark.parametrize(
    ("pieces", "then", "content_type"),
    [
        ([], "end", "audio/pcm"),
        ([b"\x01\x02"], "cut", "audio/pcm"),
        ([b"RI", b"FF$$$$WAVE"], "end", "audio/pcm"),
        ([b"OggS" * 9], "end", ""),
        ([b"ID3\x04" * 9], "end", "audio/mpeg"),
        ([b"{}"], "end", "application/json"),
        ([b"<html>"], "end", "text/html; charset=utf-8"),
    ],
)
async def test_what_is_not_bare_pcm_is_not_played(
    server: Server, pieces: list[bytes], then: str, content_type: str
) -> None:
    """Nothing, half of it, a container or words in the place of sound are a BadAnswer: nobody is to hear noise."""
    server.says(*pieces, then=then, content_type=content_type)
    with pytest.raises(BadAnswer):
        await spoken(server)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_no_redirect_is_followed(server: Server, status: int) -> None:
    """A redirect is a BadAnswer, and neither the key nor what was said goes where it points."""
    async with serving() as elsewhere:
        server.says(status=status)
        server.headers = {"Location": elsewhere.url}
        for ask in (heard, replied, spoken):
            with pytest.raises(BadAnswer):
                await ask(server)
        assert elsewhere.asked == []


async def test_no_key_is_needed(server: Server) -> None:
    """With an empty key, as for a local server, no Authorization is sent."""
    server.says(chunk("Hello"), DONE)
    await replied(server, key="")
    assert "Authorization" not in server.asked[0][1]


async def test_check_is_not_deceived_by_a_web_page(server: Server) -> None:
    """An address where something else answers 200 does not pass the check of any."""
    server.says(b"<html>Welcome</html>", content_type="text/html")
    adapters = (
        OpenAiTranscriber(server.url, KEY, model="m"),
        OpenAiReplier(server.url, KEY, model="m"),
        OpenAiSynthesizer(server.url, KEY, model="m", voices={"default": "alloy"}),
    )
    for adapter in adapters:
        with pytest.raises(BadAnswer):
            await adapter.check()
        await adapter.close()
