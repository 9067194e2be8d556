"""The wire of Cartesia: speech as raw PCM, and the list of voices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from sandbox.mind import Mind
    from sandbox.pace import Pace

_PIECE_BYTES = 8 * 1024 + 1
"""Odd on purpose: the network cuts samples in half."""


def routes(mind: Mind, pace: Pace, *, key: str) -> list[web.RouteDef]:
    """Give the routes; `key` is the Bearer key that is let in."""

    async def speak(request: web.Request) -> web.StreamResponse:
        _let_in(request, key)
        asked = await request.json()
        form = asked["output_format"]
        if form["container"] != "raw" or form["encoding"] != "pcm_s16le":
            raise web.HTTPBadRequest(text='{"error":"the sandbox speaks raw pcm_s16le only"}')
        language = asked.get("language") or "en"
        rate = form["sample_rate"]
        pcm = await mind.speak(asked["transcript"], language=language, sample_rate=rate)
        response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        response.content_length = len(pcm)
        await response.prepare(request)
        async for piece in pace.spoken(request, pcm, sample_rate=rate, piece_bytes=_PIECE_BYTES):
            await response.write(piece)
        await response.write_eof()
        return response

    async def voices(request: web.Request) -> web.Response:
        _let_in(request, key)
        return web.json_response({"data": [], "has_more": False, "next_page": None})

    return [
        web.post("/tts/bytes", speak, name="cartesia"),
        web.get("/voices", voices, name="cartesia.voices"),
        web.get("/voices/", voices, name="cartesia.voices.slash"),
    ]


def _let_in(request: web.Request, key: str) -> None:
    if request.headers.get("Authorization") != f"Bearer {key}" or "Cartesia-Version" not in request.headers:
        raise web.HTTPUnauthorized(text='{"error":"invalid key"}', content_type="application/json")
