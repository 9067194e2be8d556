"""The OpenAI wire under /openai/v1: transcriptions, chat completions and speech."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.wire import ModelApi, require, uploaded

if TYPE_CHECKING:
    from sandbox.mind import Mind
    from sandbox.pace import Speeds

SAMPLE_RATE = 24_000
"""Hz, of response_format=pcm."""
JSON_ONLY = "gpt-4o-transcribe"
"""The model that refuses verbose_json, as at the vendor."""
_NAMES = {
    "en": "english", "fr": "french", "es": "spanish", "de": "german", "hi": "hindi", "it": "italian",
    "pt": "portuguese", "zh": "chinese", "ja": "japanese", "ar": "arabic",
}  # fmt: skip
"""The vendor reports languages by name."""
_REFUSAL = '{"error":{"message":"Incorrect API key provided.","type":"invalid_request_error"}}'


def routes(mind: Mind, pace: Speeds, *, key: str) -> list[web.RouteDef]:
    """Return the routes, for the Bearer key `key`."""
    api = _OpenAiApi(mind, pace)
    guarded = partial(require, headers={"Authorization": f"Bearer {key}"}, refusal=_REFUSAL)
    return [
        web.post("/openai/v1/audio/transcriptions", guarded(api.transcribe), name="openai.transcribe"),
        web.post("/openai/v1/chat/completions", guarded(api.chat), name="openai.chat"),
        web.post("/openai/v1/audio/speech", guarded(api.speak), name="openai.speech"),
    ]


class _OpenAiApi(ModelApi):
    async def transcribe(self, request: web.Request) -> web.Response:
        form = await request.post()
        wav = uploaded(form)
        seconds = await self.seconds_heard(request, wav)
        if seconds is None:
            return _refuse("file", "Invalid file format.")
        match form.get("response_format", "json"), form.get("model"):
            case ("json", str()):
                return web.json_response({"text": await self.mind.hear(wav)})
            case ("verbose_json", str(model)) if model != JSON_ONLY:
                code, words = await self.mind.language(wav), await self.mind.hear(wav)
                about = {"task": "transcribe", "language": _NAMES.get(code, code), "duration": seconds}
                return web.json_response({**about, "text": words, "segments": []})
            case _:
                return _refuse("response_format", "response_format is not compatible with the model.")

    async def speak(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if body.get("response_format") != "pcm":
            return _refuse("response_format", "The sandbox speaks pcm only.")
        language = body["voice"].rpartition("-")[2]  # the voices of the sandbox end with their language: voice-fr
        pcm = await self.mind.speak(body["input"], language=language, sample_rate=SAMPLE_RATE)
        return await self.stream_pcm(request, pcm, sample_rate=SAMPLE_RATE, content_type="audio/pcm")


def _refuse(parameter: str, message: str) -> web.Response:
    error = {"message": message, "type": "invalid_request_error", "param": parameter, "code": "unsupported_value"}
    return web.json_response({"error": error}, status=400)
