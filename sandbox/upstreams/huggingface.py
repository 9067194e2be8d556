"""The wire of the Hugging Face router: raw-body speech recognition, and OpenAI-wire chat."""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.chat import completed
from sandbox.mind import seconds_of

if TYPE_CHECKING:
    from sandbox.mind import Mind
    from sandbox.pace import Pace


def routes(mind: Mind, pace: Pace, *, key: str) -> list[web.RouteDef]:
    """Give the routes; `key` is the Bearer token that is let in."""

    async def transcribe(request: web.Request) -> web.Response:
        _let_in(request, key)
        body = await request.read()
        try:
            seconds = seconds_of(body)
        except (wave.Error, EOFError):
            return web.json_response({"error": "Malformed soundfile"}, status=400)
        await pace.heard(request, seconds)
        words = await mind.hear(body)
        return web.json_response({"text": f" {words}"})

    async def complete(request: web.Request) -> web.StreamResponse:
        _let_in(request, key)
        return await completed(request, mind, pace)

    return [
        web.post("/hf-inference/models/{model:.+}", transcribe, name="whisper"),
        web.post("/v1/chat/completions", complete, name="llama"),
    ]


def _let_in(request: web.Request, key: str) -> None:
    if request.headers.get("Authorization") != f"Bearer {key}":
        raise web.HTTPUnauthorized(text='{"error":"Invalid credentials"}', content_type="application/json")
