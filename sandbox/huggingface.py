"""The wire of the Hugging Face router: raw-body speech recognition, and OpenAI-wire chat."""

from __future__ import annotations

import json
import wave
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.mind import seconds_of

if TYPE_CHECKING:
    from sandbox.mind import Mind


def routes(mind: Mind, *, key: str) -> list[web.RouteDef]:
    """Give the routes; `key` is the Bearer token that is let in."""

    async def transcribe(request: web.Request) -> web.Response:
        _let_in(request, key)
        body = await request.read()
        try:
            seconds_of(body)
        except (wave.Error, EOFError):
            return web.json_response({"error": "Malformed soundfile"}, status=400)
        words = await mind.hear(body)
        return web.json_response({"text": f" {words}"})

    async def complete(request: web.Request) -> web.StreamResponse:
        _let_in(request, key)
        asked = await request.json()
        text = await mind.reply(asked["messages"])
        if not asked.get("stream"):
            return web.json_response(_completion(asked["model"], text))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for token in _tokens(text):
            await response.write(_event(_chunk(asked["model"], token, None)))
        await response.write(_event(_chunk(asked["model"], "", "stop")))
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    return [
        web.post("/hf-inference/models/{model:.+}", transcribe, name="whisper"),
        web.post("/v1/chat/completions", complete, name="llama"),
    ]


def _let_in(request: web.Request, key: str) -> None:
    if request.headers.get("Authorization") != f"Bearer {key}":
        raise web.HTTPUnauthorized(text='{"error":"Invalid credentials"}', content_type="application/json")


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
