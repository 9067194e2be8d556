"""The wire of the Hugging Face router: raw-body speech recognition, and OpenAI-wire chat."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.wire import ModelApi, require

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


class _HuggingFaceApi(ModelApi):
    async def transcribe(self, request: web.Request) -> web.Response:
        wav = await request.read()
        if await self.seconds_heard(request, wav) is None:
            return web.json_response({"error": "Malformed soundfile"}, status=400)
        return web.json_response({"text": f" {await self.mind.hear(wav)}"})
