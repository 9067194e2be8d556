"""Chat completions on the OpenAI wire, which the Hugging Face router speaks too; streamed or whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from sandbox.mind import Mind
    from sandbox.pace import Speeds


async def complete(request: web.Request, mind: Mind, pace: Speeds) -> web.StreamResponse:
    """Answer a request for a chat completion."""
    body = await request.json()
    text = await mind.reply(body["messages"])
    tokens = pace.pace_tokens(request, _tokens(text))
    if not body.get("stream"):
        return web.json_response(_completion(body["model"], "".join([token async for token in tokens])))
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    async for token in tokens:
        await response.write(_event(_chunk(body["model"], token, None)))
    await response.write(_event(_chunk(body["model"], "", "stop")))
    await response.write(b"data: [DONE]\n\n")
    await response.write_eof()
    return response


def _tokens(text: str) -> list[str]:
    return [token if index == 0 else f" {token}" for index, token in enumerate(text.split(" "))]


def _event(chunk: dict[str, object]) -> bytes:
    return f"data: {json.dumps(chunk)}\n\n".encode()


def _chunk(model: str, content: str, finish_reason: str | None) -> dict[str, object]:
    delta = {"role": "assistant", "content": content}
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"id": "sandbox", "object": "chat.completion.chunk", "created": 0, "model": model, "choices": [choice]}


def _completion(model: str, content: str) -> dict[str, object]:
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "sandbox", "object": "chat.completion", "created": 0, "model": model, "choices": [choice]}
