"""How a test in another process looks into the sandbox, and makes it suffer, under /sandbox/.

A fault is put as the fields of sandbox.faults.Fault, `{"kind": "status", "status": 429, "retry_after": "7"}`, with
`times` where only the next few requests are to suffer it. A pace is put as the fields of sandbox.pace.Speed by service,
`{"speeds": {"llama": {"first_seconds": 0.4}}, "connect_seconds": 0.1}`, and takes the place of the one before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.faults import Fault, Faults, Kind
from sandbox.pace import speed_of

if TYPE_CHECKING:
    from sandbox.pace import Pace
    from sandbox.upstreams.series import SeriesState


def routes(state: SeriesState, faults: Faults) -> list[web.RouteDef]:
    """Give the routes."""

    async def sent(request: web.Request) -> web.Response:
        return web.json_response(
            [
                {
                    **each.as_message(),
                    "idempotency_key": each.idempotency_key,
                    "bytes": len(each.audio or b""),
                    "sha256": each.sha256,
                }
                for each in state.sent[int(request.query.get("after", 0)) :]
            ]
        )

    async def audio(request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        if number >= len(state.sent) or state.sent[number].audio is None:
            raise web.HTTPNotFound
        return web.Response(body=state.sent[number].audio)

    async def requests(_: web.Request) -> web.Response:
        return web.json_response(faults.requests)

    async def left(_: web.Request) -> web.Response:
        return web.json_response(faults.left)

    async def suffer(request: web.Request) -> web.Response:
        asked = await request.json()
        times, kind = asked.pop("times", None), Kind(asked.pop("kind"))
        fault = Fault(kind, **asked)
        if times is None:
            faults.always(request.match_info["service"], fault)
        else:
            faults.next(request.match_info["service"], *[fault] * int(times))
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
        web.get("/sandbox/left", left, name="sandbox.left"),
        web.put("/sandbox/faults/{service}", suffer, name="sandbox.faults"),
        web.put("/sandbox/latency/{service}", slow, name="sandbox.latency"),
        web.delete("/sandbox/faults", clear, name="sandbox.clear"),
    ]


def pace_routes(pace: Pace) -> list[web.RouteDef]:
    """Give the route by which a pace is put."""

    async def script(request: web.Request) -> web.Response:
        asked = await request.json()
        pace.clear()
        speeds = {service: speed_of(told) for service, told in asked.get("speeds", {}).items()}
        pace.script(speeds, connect_seconds=float(asked.get("connect_seconds", 0)))
        return web.Response(status=204)

    return [web.put("/sandbox/pace", script, name="sandbox.pace")]
