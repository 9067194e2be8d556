"""What every replier promises besides the contract of all adapters (test_adapters.py); and the canned one's part."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiohttp import web

from providers.errors import BadAnswer, ProviderError, RateLimited, Unavailable
from providers.models.local import CannedReplier
from providers.ports import ChatTurn, Role
from providers.wire.text import repair_surrogates
from sandbox.app import Sandbox
from sandbox.faults import SCRIPTED, FaultKind, ScriptedFault
from tests.contracts.adapters import ODD_TEXTS, REPLIERS, WORDS, Listener, Wired, leaked_secrets
from tests.contracts.messengers import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

LONGEST_CHARACTERS = 8_000
DONE = b"data: [DONE]\n\n"


@pytest.fixture
def mind() -> Listener:
    """What stands behind all of them."""
    return Listener()


@pytest_asyncio.fixture
async def sandbox(mind: Listener) -> AsyncIterator[Sandbox]:
    """Upstreams that answer at once."""
    async with Sandbox(mind) as made:
        yield made


@pytest.fixture(params=REPLIERS, ids=lambda wired: wired.name)
def wired(request: pytest.FixtureRequest) -> Wired:
    """Each adapter of a vendor in turn."""
    found: Wired = request.param
    return found


def chunk(content: object = None, finish: object = None, **more: object) -> bytes:
    """Write a chunk of a chat stream."""
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice], **more}).encode() + b"\n\n"


@asynccontextmanager
async def streaming(pieces: Sequence[bytes], *, hang: bool = False) -> AsyncIterator[str]:
    """Serve a chat stream of these pieces, one by one; give the URL."""
    closing = asyncio.Event()

    async def says(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            await asyncio.sleep(0)
        if hang:
            await closing.wait()
        return response

    async with serving(says) as url:
        try:
            yield url
        finally:
            closing.set()


async def test_a_reply_is_streamed(wired: Wired, sandbox: Sandbox) -> None:
    """The reply comes in several pieces that join to the whole; its turns go out in their roles and their order."""
    async with wired.adapter(sandbox.url) as wits:
        pieces = await wired.ask(wits)
    assert len(pieces) > 3
    assert "".join(pieces) == f"I heard you say: {WORDS}. Thank you for telling me!"


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
async def test_odd_texts_are_asked_whole(wired: Wired, sandbox: Sandbox, mind: Listener, text: str) -> None:
    """Whatever a person said goes out whole, but for half characters and NUL, which are no text."""
    async with wired.adapter(sandbox.url) as wits:
        assert await wired.ask(wits, text)
    assert mind.told == [repair_surrogates(text)]


async def test_nothing_said_is_asked_too(wired: Wired, sandbox: Sandbox, mind: Listener) -> None:
    """An empty turn is a turn, and so is none at all: it is the model that says what it thinks of it."""
    async with wired.adapter(sandbox.url) as wits:
        assert await wired.ask(wits, "")
        turns = [ChatTurn(Role.SYSTEM, "Be kind."), ChatTurn(Role.ASSISTANT, "Hello?")]
        assert [piece async for piece in wits.reply(turns, language="en")]
    assert mind.told == ["", "Hello?"]


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
async def test_odd_replies_can_be_written_down(wired: Wired, sandbox: Sandbox, mind: Listener, text: str) -> None:
    """Whatever a model says comes back as it said it, up to more than anybody speaks; but no half characters or NUL."""
    mind.answer = text
    async with wired.adapter(sandbox.url) as wits:
        reply = "".join(await wired.ask(wits))
    right = repair_surrogates(text)
    assert reply == right if len(right) <= LONGEST_CHARACTERS else right.startswith(reply)


async def test_a_character_in_two_chunks_is_one(wired: Wired) -> None:
    """A server may cut a character in half between two chunks."""
    async with (
        streaming([chunk("Hel"), chunk("lo \ud83d"), chunk("\ude00"), chunk("\ud83d"), chunk("", "stop"), DONE]) as url,
        wired.adapter(url) as wits,
    ):
        assert "".join(await wired.ask(wits)) == "Hello 😀"


WHOLE = {
    "done": [chunk("Hel"), chunk("lo"), chunk(None, "stop"), DONE],
    "a reason without done": [chunk("Hel"), chunk("lo", "length")],
    "a reason and usage": [chunk("Hello"), chunk("", "stop"), b'data: {"choices": [], "usage": {}}\n\n', DONE],
    "comments": [b": OPENROUTER PROCESSING\n\n", b"event: x\nid: 1\n", chunk("Hello", "stop"), b": ping\n\n", DONE],
    "other deltas": [
        b'data: {"choices": [{"delta": {"role": "assistant", "reasoning_content": "hm"}}]}\r\n\r\n',
        b'data:{"choices": [{"delta": null}]}\n\n',
        chunk("Hello"),
        b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n',
        DONE.rstrip(),
    ],
    "cut within a chunk": [chunk("Hello")[:30], chunk("Hello")[30:], chunk("", "stop"), DONE],
}


@pytest.mark.parametrize("stream", WHOLE.values(), ids=WHOLE.keys())
async def test_streams_of_all_makes(wired: Wired, stream: list[bytes]) -> None:
    """The words come out, and nothing but the words, however the server marks the end."""
    async with streaming(stream) as url, wired.adapter(url) as wits:
        assert "".join(await wired.ask(wits)) == "Hello"


async def test_the_end_is_not_waited_for(wired: Wired) -> None:
    """After the last chunk a server may leave the connection open: the reply is whole."""
    async with streaming([chunk("Hello"), chunk("", "stop")], hang=True) as url, wired.adapter(url) as wits:
        assert "".join(await wired.ask(wits)) == "Hello"


HALF: dict[str, tuple[list[bytes], type[ProviderError]]] = {
    "no end": ([chunk("Hel")], BadAnswer),
    "an error as a reason": ([chunk("Hel"), chunk("lo", "error"), DONE], BadAnswer),
    "filtered": ([chunk("Hel"), chunk(None, "content_filter"), DONE], BadAnswer),
    "an error": ([chunk("Hel"), b'data: {"error": {"message": "%s"}}\n\n' % SCRIPTED.encode(), DONE], BadAnswer),
    "an error in words": ([chunk("Hel"), b'data: {"error": "%s"}\n\n' % SCRIPTED.encode(), DONE], BadAnswer),
    "an error with a type": (
        [chunk("Hel"), b'data: {"error": "%s", "error_type": "overloaded"}\n\n' % SCRIPTED.encode()],
        BadAnswer,
    ),
    "an error with a reason": ([chunk("Hel"), chunk(None, "error", error={"code": 429})], RateLimited),
    "an error with a code": ([b'data: {"error": {"code": 502, "message": "oh"}}\n\n'], Unavailable),
    "nothing": ([chunk(None, "stop"), DONE], BadAnswer),
    "blanks": ([chunk(" \n"), chunk("", "stop"), DONE], BadAnswer),
    "an end alone": ([DONE], BadAnswer),
    "no stream": ([b'{"choices": [{"message": {"content": "Hello"}}]}'], BadAnswer),
    "a page": ([b"<html>Welcome</html>"], BadAnswer),
    "broken": ([b"data: {\n\n", DONE], BadAnswer),
    "a list": ([b"data: []\n\n", DONE], BadAnswer),
    "a number": ([b"data: 7\n\n", DONE], BadAnswer),
    "no choices": ([b'data: {"choices": 7}\n\n', DONE], BadAnswer),
    "other choices": ([b'data: {"choices": [7]}\n\n', DONE], BadAnswer),
    "other words": ([chunk(7), DONE], BadAnswer),
    "a list of words": ([chunk(["Hello"]), chunk("", "stop"), DONE], BadAnswer),
    "another reason": ([chunk("Hello", ["stop"]), DONE], BadAnswer),
    "no letters": ([b"data: \xff\n\n", DONE], BadAnswer),
    "too deep": ([b"data: " + b"[" * 200_000 + b"\n\n", DONE], BadAnswer),
    "an endless line": ([b"data: " + b"x" * 65_536] + [b"x" * 65_536] * 170, BadAnswer),
}


@pytest.mark.parametrize(("stream", "kind"), HALF.values(), ids=HALF.keys())
async def test_half_a_reply_is_none(wired: Wired, stream: list[bytes], kind: type[ProviderError]) -> None:
    """A stream that ends without its end, tells of an error or is not one, is an error of ours, and the right one."""
    async with streaming(stream) as url, wired.adapter(url) as wits:
        with pytest.raises(ProviderError) as raised:
            await wired.ask(wits)
    assert type(raised.value) is kind
    assert leaked_secrets(raised.value) == []


@pytest.mark.parametrize("after_bytes", [None, 0, 1, 100, 300])
async def test_a_reply_that_ends_too_early_is_none(wired: Wired, sandbox: Sandbox, after_bytes: int | None) -> None:
    """A stream that was ended well in its middle, wherever that is, is a BadAnswer."""
    sandbox.faults.next(wired.route, ScriptedFault(FaultKind.SHORT, after_bytes=after_bytes))
    async with wired.adapter(sandbox.url) as wits:
        with pytest.raises(BadAnswer):
            await wired.ask(wits)


async def test_a_reply_without_end_is_bounded(wired: Wired, sandbox: Sandbox) -> None:
    """A server that minds no max_tokens is left when there is more than enough."""
    sandbox.faults.next(wired.route, ScriptedFault(FaultKind.ENDLESS))
    async with wired.adapter(sandbox.url) as wits:
        reply = "".join(await wired.ask(wits))
        assert LONGEST_CHARACTERS <= len(reply) < LONGEST_CHARACTERS + 100
        while not sandbox.faults.left[wired.route]:  # noqa: ASYNC110 (the server's state)
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("text", ["", *ODD_TEXTS.values()], ids=["empty", *ODD_TEXTS.keys()])
@pytest.mark.parametrize("language", ["en", "fr", "xx", ""])
async def test_the_canned_one_always_answers(text: str, language: str) -> None:
    """Whatever was said, in whatever language: one whole sentence, the same each time, also at once and when closed."""
    wits = CannedReplier()
    await wits.check()
    turns = [ChatTurn(Role.USER, text)] if text else []

    async def replied() -> str:
        return "".join([piece async for piece in wits.reply(turns, language=language)])

    first, second = await asyncio.gather(replied(), replied())
    assert first == second == repair_surrogates(first)
    assert first.strip()
    await wits.close()
    await wits.close()
    assert await replied() == first
