"""How a test in another process looks into the sandbox, and makes it suffer, under /sandbox/."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.faults import Fault, Faults, Kind

if TYPE_CHECKING:
    from sandbox.series import SeriesState


def routes(state: SeriesState, faults: Faults) -> list[web.RouteDef]:
    """Give the routes."""

    async def sent(_: web.Request) -> web.Response:
        return web.json_response(
            [
                {
                    **each.as_message(),
                    "idempotency_key": each.idempotency_key,
                    "bytes": len(each.audio or b""),
                    "sha256": each.sha256,
                }
                for each in state.sent
            ]
        )

    async def audio(request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        if number >= len(state.sent) or state.sent[number].audio is None:
            raise web.HTTPNotFound
        return web.Response(body=state.sent[number].audio)

    async def requests(_: web.Request) -> web.Response:
        return web.json_response(faults.requests)

    async def suffer(request: web.Request) -> web.Response:
        asked = await request.json()
        fault = Fault(Kind(asked["kind"]), asked.get("status", 500), asked.get("retry_after"))
        if asked.get("times") is None:
            faults.always(request.match_info["service"], fault)
        else:
            faults.next(request.match_info["service"], *[fault] * int(asked["times"]))
        return web.Response(status=204)

    async def slow(request: web.Request) -> web.Response:
        faults.latency[request.match_info["service"]] = float((await request.json())["seconds"])
        return web.Response(status=204)

    async def clear(_: web.Request) -> web.Response:
        faults.clear()
        return web.Response(status=204)

    return [
        web.get("/sandbox/sent", sent, name="sandbox.sent"),
        web.get("/sandbox/sent/{number:\\d+}/audio", audio, name="sandbox.audio"),
        web.get("/sandbox/requests", requests, name="sandbox.requests"),
        web.put("/sandbox/faults/{service}", suffer, name="sandbox.faults"),
        web.put("/sandbox/latency/{service}", slow, name="sandbox.latency"),
        web.delete("/sandbox/faults", clear, name="sandbox.clear"),
    ]
