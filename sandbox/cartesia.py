"""The wire of Cartesia: speech as raw PCM, and the list of voices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from sandbox.mind import Mind


def routes(mind: Mind, *, key: str) -> list[web.RouteDef]:
    """Give the routes; `key` is the Bearer key that is let in."""

    async def speak(request: web.Request) -> web.Response:
        _let_in(request, key)
        asked = await request.json()
        form = asked["output_format"]
        if form["container"] != "raw" or form["encoding"] != "pcm_s16le":
            raise web.HTTPBadRequest(text='{"error":"the sandbox speaks raw pcm_s16le only"}')
        language = asked.get("language") or "en"
        pcm = await mind.speak(asked["transcript"], language=language, sample_rate=form["sample_rate"])
        return web.Response(body=pcm, content_type="application/octet-stream")

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
