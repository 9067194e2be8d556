"""The wire of ElevenLabs: streamed speech as PCM, Scribe, and the list of models."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.wire import ModelApi, require, uploaded

if TYPE_CHECKING:
    from sandbox.mind import Mind
    from sandbox.pace import Speeds

_CODES = {
    "en": "eng", "fr": "fra", "es": "spa", "de": "deu", "hi": "hin", "it": "ita", "pt": "por", "zh": "zho",
    "ja": "jpn", "ar": "ara",
}  # fmt: skip
"""Scribe reports languages by ISO 639-3."""
_REFUSAL = '{"detail":{"status":"invalid_api_key","message":"Invalid API key"}}'


def routes(mind: Mind, pace: Speeds, *, key: str) -> list[web.RouteDef]:
    """Return the routes, for the xi-api-key `key`."""
    api = _ElevenLabsApi(mind, pace)
    guarded = partial(require, headers={"xi-api-key": key}, refusal=_REFUSAL)
    return [
        web.post("/v1/text-to-speech/{voice}/stream", guarded(api.speak), name="elevenlabs"),
        web.post("/v1/speech-to-text", guarded(api.transcribe), name="scribe"),
        web.get("/v1/models", guarded(api.models), name="elevenlabs.models"),
    ]


class _ElevenLabsApi(ModelApi):
    async def speak(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        kind, _, rate = request.query.get("output_format", "mp3_44100_128").partition("_")
        if kind != "pcm":
            raise web.HTTPUnprocessableEntity(text='{"detail":"the sandbox speaks pcm only"}')
        # The voices of the sandbox end with their language: voice-fr.
        language = body.get("language_code") or request.match_info["voice"].rpartition("-")[2]
        pcm = await self.mind.speak(body["text"], language=language, sample_rate=int(rate))
        return await self.stream_pcm(request, pcm, sample_rate=int(rate), content_type="application/octet-stream")

    async def transcribe(self, request: web.Request) -> web.Response:
        wav = uploaded(await request.post())
        if await self.seconds_heard(request, wav) is None:
            return web.json_response({"detail": {"status": "invalid_audio", "message": "Invalid audio"}}, status=400)
        code, words = await self.mind.language(wav), await self.mind.hear(wav)
        language = {"language_code": _CODES.get(code, code), "language_probability": 0.98}
        return web.json_response({**language, "text": words, "words": []})

    async def models(self, _: web.Request) -> web.Response:
        return web.json_response([{"model_id": "eleven_flash_v2_5", "name": "Flash"}])
