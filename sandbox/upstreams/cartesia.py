"""The wire of Cartesia: speech as raw PCM, and the list of voices."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.wire import ModelApi, require

if TYPE_CHECKING:
    from sandbox.mind import Mind
    from sandbox.pace import Speeds


def routes(mind: Mind, pace: Speeds, *, key: str) -> list[web.RouteDef]:
    """Return the routes, for the Bearer key `key`."""
    api = _CartesiaApi(mind, pace)
    guarded = partial(
        require, headers={"Authorization": f"Bearer {key}", "Cartesia-Version": None}, refusal='{"error":"invalid key"}'
    )
    return [
        web.post("/tts/bytes", guarded(api.speak), name="cartesia"),
        web.get("/voices", guarded(api.voices), name="cartesia.voices"),
        web.get("/voices/", guarded(api.voices), name="cartesia.voices.slash"),
    ]


class _CartesiaApi(ModelApi):
    async def speak(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        form = body["output_format"]
        if form["container"] != "raw" or form["encoding"] != "pcm_s16le":
            raise web.HTTPBadRequest(text='{"error":"the sandbox speaks raw pcm_s16le only"}')
        rate = form["sample_rate"]
        pcm = await self.mind.speak(body["transcript"], language=body.get("language") or "en", sample_rate=rate)
        return await self.stream_pcm(
            request, pcm, sample_rate=rate, content_type="application/octet-stream", announced=True
        )

    async def voices(self, _: web.Request) -> web.Response:
        return web.json_response({"data": [], "has_more": False, "next_page": None})
