"""The wire of ElevenLabs: streamed speech as PCM, Scribe, and the list of models."""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.mind import seconds_of

if TYPE_CHECKING:
    from sandbox.mind import Mind
    from sandbox.pace import Pace

_PIECE_BYTES = 8 * 1024 + 1
"""Odd on purpose: the network cuts samples in half."""
_CODES = {
    "en": "eng", "fr": "fra", "es": "spa", "de": "deu", "hi": "hin", "it": "ita", "pt": "por", "zh": "zho",
    "ja": "jpn", "ar": "ara",
}  # fmt: skip
"""Scribe reports a language by its code of three letters (ISO 639-3)."""


def routes(mind: Mind, pace: Pace, *, key: str) -> list[web.RouteDef]:
    """Give the routes; `key` is the xi-api-key that is let in."""

    async def stream(request: web.Request) -> web.StreamResponse:
        _let_in(request, key)
        asked = await request.json()
        kind, _, rate = request.query.get("output_format", "mp3_44100_128").partition("_")
        if kind != "pcm":
            raise web.HTTPUnprocessableEntity(text='{"detail":"the sandbox speaks pcm only"}')
        language = asked.get("language_code") or _language_of(request.match_info["voice"])
        pcm = await mind.speak(asked["text"], language=language, sample_rate=int(rate))
        response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        await response.prepare(request)
        async for piece in pace.spoken(request, pcm, sample_rate=int(rate), piece_bytes=_PIECE_BYTES):
            await response.write(piece)
        await response.write_eof()
        return response

    async def transcribe(request: web.Request) -> web.Response:
        _let_in(request, key)
        form = await request.post()
        file = form.get("file")
        wav = file.file.read() if isinstance(file, web.FileField) else b""
        try:
            seconds = seconds_of(wav)
        except (wave.Error, EOFError):
            return web.json_response({"detail": {"status": "invalid_audio", "message": "Invalid audio"}}, status=400)
        await pace.heard(request, seconds)
        code, words = await mind.language(wav), await mind.hear(wav)
        told = {"language_code": _CODES.get(code, code), "language_probability": 0.98, "text": words}
        return web.json_response({**told, "words": []})

    async def models(request: web.Request) -> web.Response:
        _let_in(request, key)
        return web.json_response([{"model_id": "eleven_flash_v2_5", "name": "Flash"}])

    return [
        web.post("/v1/text-to-speech/{voice}/stream", stream, name="elevenlabs"),
        web.post("/v1/speech-to-text", transcribe, name="scribe"),
        web.get("/v1/models", models, name="elevenlabs.models"),
    ]


def _let_in(request: web.Request, key: str) -> None:
    if request.headers.get("xi-api-key") != key:
        detail = '{"detail":{"status":"invalid_api_key","message":"Invalid API key"}}'
        raise web.HTTPUnauthorized(text=detail, content_type="application/json")


def _language_of(voice: str) -> str:
    """Read the language off the name of a sandbox voice, such as voice-fr."""
    return voice.rpartition("-")[2]
