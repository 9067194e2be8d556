"""The OpenAI wire under /openai/v1: transcriptions, chat completions and speech."""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.chat import completed
from sandbox.mind import seconds_of

if TYPE_CHECKING:
    from sandbox.mind import Mind
    from sandbox.pace import Pace

SAMPLE_RATE = 24_000
"""Of response_format=pcm, in Hz."""
JSON_ONLY = "gpt-4o-transcribe"
"""The model that refuses verbose_json, as at the vendor."""
_PIECE_BYTES = 8 * 1024 + 1
"""Odd on purpose: the network cuts samples in half."""
_NAMES = {
    "en": "english", "fr": "french", "es": "spanish", "de": "german", "hi": "hindi", "it": "italian",
    "pt": "portuguese", "zh": "chinese", "ja": "japanese", "ar": "arabic",
}  # fmt: skip
"""The vendor reports a language by its name."""


def routes(mind: Mind, pace: Pace, *, key: str) -> list[web.RouteDef]:
    """Give the routes; `key` is the Bearer key that is let in."""

    async def transcribe(request: web.Request) -> web.Response:
        _let_in(request, key)
        form = await request.post()
        file = form.get("file")
        wav = file.file.read() if isinstance(file, web.FileField) else b""
        try:
            seconds = seconds_of(wav)
        except (wave.Error, EOFError):
            return _refused("file", "Invalid file format.")
        await pace.heard(request, seconds)
        match form.get("response_format", "json"), form.get("model"):
            case ("json", str()):
                return web.json_response({"text": await mind.hear(wav)})
            case ("verbose_json", str(model)) if model != JSON_ONLY:
                code, words = await mind.language(wav), await mind.hear(wav)
                told = {"task": "transcribe", "language": _NAMES.get(code, code), "duration": seconds, "text": words}
                return web.json_response({**told, "segments": []})
            case _:
                return _refused("response_format", "response_format is not compatible with the model.")

    async def chat(request: web.Request) -> web.StreamResponse:
        _let_in(request, key)
        return await completed(request, mind, pace)

    async def speak(request: web.Request) -> web.StreamResponse:
        _let_in(request, key)
        asked = await request.json()
        if asked.get("response_format") != "pcm":
            return _refused("response_format", "The sandbox speaks pcm only.")
        language = asked["voice"].rpartition("-")[2]  # of a sandbox voice, such as voice-fr
        pcm = await mind.speak(asked["input"], language=language, sample_rate=SAMPLE_RATE)
        response = web.StreamResponse(headers={"Content-Type": "audio/pcm"})
        await response.prepare(request)
        async for piece in pace.spoken(request, pcm, sample_rate=SAMPLE_RATE, piece_bytes=_PIECE_BYTES):
            await response.write(piece)
        await response.write_eof()
        return response

    return [
        web.post("/openai/v1/audio/transcriptions", transcribe, name="openai.transcribe"),
        web.post("/openai/v1/chat/completions", chat, name="openai.chat"),
        web.post("/openai/v1/audio/speech", speak, name="openai.speech"),
    ]


def _let_in(request: web.Request, key: str) -> None:
    if request.headers.get("Authorization") != f"Bearer {key}":
        error = '{"error":{"message":"Incorrect API key provided.","type":"invalid_request_error"}}'
        raise web.HTTPUnauthorized(text=error, content_type="application/json")


def _refused(parameter: str, message: str) -> web.Response:
    error = {"message": message, "type": "invalid_request_error", "param": parameter, "code": "unsupported_value"}
    return web.json_response({"error": error}, status=400)
