"""The wire of the Hugging Face router: raw-body speech recognition, and OpenAI-wire chat."""

from __future__ import annotations

import wave
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.chat import complete
from sandbox.keys import require
from sandbox.mind import seconds_of

if TYPE_CHECKING:
    from sandbox.mind import Mind
    from sandbox.pace import Speeds


def routes(mind: Mind, pace: Speeds, *, key: str) -> list[web.RouteDef]:
    """Return the routes, for the Bearer token `key`."""
    api = _HuggingFaceApi(mind, pace)
    guarded = partial(require, headers={"Authorization": f"Bearer {key}"}, refusal='{"error":"Invalid credentials"}')
    return [
        web.post("/hf-inference/models/{model:.+}", guarded(api.transcribe), name="whisper"),
        web.post("/v1/chat/completions", guarded(api.chat), name="llama"),
    ]


class _HuggingFaceApi:
    def __init__(self, mind: Mind, pace: Speeds) -> None:
        self._mind = mind
        self._pace = pace

    async def transcribe(self, request: web.Request) -> web.Response:
        wav = await request.read()
        try:
            seconds = seconds_of(wav)
        except (wave.Error, EOFError):
            return web.json_response({"error": "Malformed soundfile"}, status=400)
        await self._pace.wait_to_hear(request, seconds)
        return web.json_response({"text": f" {await self._mind.hear(wav)}"})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        return await complete(request, self._mind, self._pace)
