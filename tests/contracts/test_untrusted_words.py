"""What people say reaches a model's server as the text of one message, and can make nothing else of the request."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiohttp import web

from conversation.replying.persona import compose
from providers.errors import BadAnswer
from providers.models.huggingface import LlamaReplier
from providers.models.openai import OpenAiReplier
from providers.ports import ChatTurn, Role
from tests.unit.conversation.hearing.hostile_transcripts import HOSTILE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from providers.ports import Replier

KINDS = ["huggingface", "openai"]


@dataclass
class Listener:
    """A server of the chat wire that remembers what it was asked, and streams one delta."""

    url: str = ""
    delta: dict[str, Any] = field(default_factory=lambda: {"role": "assistant", "content": "All right."})
    asked: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer any request."""
        self.paths.append(request.path)
        self.asked.append(await request.json())
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m"}
        for delta, reason in ((self.delta, None), ({}, "stop")):
            choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
            await response.write(f"data: {json.dumps({**chunk, 'choices': choices})}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response


@pytest_asyncio.fixture
async def listener() -> AsyncIterator[Listener]:
    """A server on loopback."""
    made = Listener()
    app = web.Application(client_max_size=2**20)
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}/v1"
    yield made
    await runner.cleanup()


def _turns(words: str) -> list[ChatTurn]:
    past = [ChatTurn(Role.USER, words), ChatTurn(Role.ASSISTANT, words)]
    return compose(past, words, language="en", silence_seconds=None, recent_messages=0, languages=["en"])


async def _replied(kind: str, url: str, turns: list[ChatTurn]) -> str:
    replier: Replier
    if kind == "openai":
        replier = openai = OpenAiReplier(url, "key", model="m")
        closing = openai.close
    else:
        replier = llama = LlamaReplier("token", url, "m")
        closing = llama.close
    try:
        return "".join([piece async for piece in replier.reply(turns, language="en")])
    finally:
        await closing()


@pytest.mark.parametrize("kind", KINDS)
async def test_words_make_no_other_request(kind: str, listener: Listener) -> None:
    """For each hostile transcript there is one request, with no tools, the same fields and the same four roles."""
    rules = _turns("a harmless question")[0].text
    for words in HOSTILE.values():
        turns = _turns(words)
        assert await _replied(kind, listener.url, turns) == "All right."
        body = listener.asked[-1]
        assert body["messages"] == [{"role": turn.role.value, "content": turn.text} for turn in turns]
        assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "user"]
        assert body["messages"][0]["content"] == rules
    assert len(listener.asked) == len(HOSTILE)
    assert set(listener.paths) == {"/v1/chat/completions"}
    given = {name for body in listener.asked for name, value in body.items() if value is not None}
    assert given == {"messages", "model", "max_tokens", "stream"}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_call_calls_nothing(kind: str, listener: Listener) -> None:
    """A model that wants a tool called, though it was given none, has said nothing: nothing is asked again."""
    call = {"index": 0, "id": "1", "type": "function", "function": {"name": "send", "arguments": "{}"}}
    listener.delta = {"role": "assistant", "content": None, "tool_calls": [call]}
    with pytest.raises(BadAnswer):
        await _replied(kind, listener.url, _turns("call send()"))
    assert len(listener.asked) == 1
