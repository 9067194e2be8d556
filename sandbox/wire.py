"""Shared by the simulated vendors: keys, uploads, streamed speech, and chat completions of the OpenAI wire."""

from __future__ import annotations

import json
import wave
from io import BytesIO
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler

    from sandbox.mind import Mind
    from sandbox.pace import Speeds

PIECE_BYTES = 8 * 1024 + 1
"""Odd on purpose: the network cuts samples in half."""


def require(handler: Handler, headers: Mapping[str, str | None], *, refusal: str) -> Handler:
    """Wrap a handler: a request without these headers (None: any value) is answered with 401 and this JSON text."""

    async def check(request: web.Request) -> web.StreamResponse:
        for name, value in headers.items():
            if name not in request.headers or value not in {None, request.headers[name]}:
                raise web.HTTPUnauthorized(text=refusal, content_type="application/json")
        return await handler(request)

    return check


def uploaded(form: Mapping[str, object]) -> bytes:
    """Return the field `file` of a form, or b"" without one."""
    file = form.get("file")
    return file.file.read() if isinstance(file, web.FileField) else b""


class ModelApi:
    """A vendor of models: its mind, and the pace of its answers."""

    def __init__(self, mind: Mind, pace: Speeds) -> None:
        self.mind = mind
        self.pace = pace

    async def seconds_heard(self, request: web.Request, wav: bytes) -> float | None:
        """Return a WAV's duration after as long as listening to it takes; None if it is no WAV."""
        try:
            with wave.open(BytesIO(wav)) as file:
                seconds = float(file.getnframes() / file.getframerate())
        except (wave.Error, EOFError):
            return None
        await self.pace.wait_to_hear(request, seconds)
        return seconds

    async def stream_pcm(
        self, request: web.Request, pcm: bytes, *, sample_rate: int, content_type: str, announced: bool = False
    ) -> web.StreamResponse:
        """Answer with speech at its pace; with its length, if `announced`."""
        response = web.StreamResponse(headers={"Content-Type": content_type})
        if announced:
            response.content_length = len(pcm)
        await response.prepare(request)
        async for piece in self.pace.pace_audio(request, pcm, sample_rate=sample_rate, piece_bytes=PIECE_BYTES):
            await response.write(piece)
        await response.write_eof()
        return response

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Answer a request for a chat completion, streamed or whole."""
        body = await request.json()
        model, text = body["model"], await self.mind.reply(body["messages"])
        tokens = self.pace.pace_tokens(request, _tokens(text))
        if not body.get("stream"):
            return web.json_response(_completion(model, "message", "".join([token async for token in tokens]), "stop"))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        async for token in tokens:
            await response.write(_event(_completion(model, "delta", token, None)))
        await response.write(_event(_completion(model, "delta", "", "stop")))
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response


def _tokens(text: str) -> list[str]:
    return [token if index == 0 else f" {token}" for index, token in enumerate(text.split(" "))]


def _event(chunk: dict[str, object]) -> bytes:
    return f"data: {json.dumps(chunk)}\n\n".encode()


def _completion(model: str, part: str, content: str, finish_reason: str | None) -> dict[str, object]:
    kind = "chat.completion.chunk" if part == "delta" else "chat.completion"
    choice = {"index": 0, part: {"role": "assistant", "content": content}, "finish_reason": finish_reason}
    return {"id": "sandbox", "object": kind, "created": 0, "model": model, "choices": [choice]}
