"""Control by other processes, under /sandbox/: what was sent and requested, and faults and pace to inject.

A fault is a ScriptedFault, `{"kind": "status", "status": 429, "retry_after": "7"}`, perhaps with `times`: for how many
requests. A pace has the Speed of services, and replaces the one before: `{"speeds": {"llama": {"first_seconds": 0.4}},
"connect_seconds": 0.1}`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.faults import FaultKind, Faults, ScriptedFault
from sandbox.pace import speed_of

if TYPE_CHECKING:
    from sandbox.pace import Speeds
    from sandbox.upstreams.series import SeriesState


def routes(state: SeriesState, faults: Faults, pace: Speeds) -> list[web.RouteDef]:
    """Return the routes."""
    control = _Control(state, faults, pace)
    return [
        web.get("/sandbox/sent", control.sent, name="sandbox.sent"),
        web.get("/sandbox/sent/{number:\\d+}/audio", control.audio, name="sandbox.audio"),
        web.get("/sandbox/requests", control.requests, name="sandbox.requests"),
        web.get("/sandbox/left", control.left, name="sandbox.left"),
        web.put("/sandbox/faults/{service}", control.put_fault, name="sandbox.faults"),
        web.delete("/sandbox/faults", control.clear_faults, name="sandbox.clear"),
        web.put("/sandbox/pace", control.put_pace, name="sandbox.pace"),
    ]


class _Control:
    def __init__(self, state: SeriesState, faults: Faults, pace: Speeds) -> None:
        self._state = state
        self._faults = faults
        self._pace = pace

    async def sent(self, request: web.Request) -> web.Response:
        return web.json_response([
            {
                **each.as_message(),
                "idempotency_key": each.idempotency_key,
                "bytes": len(each.audio or b""),
                "sha256": each.sha256,
            }
            for each in self._state.sent[int(request.query.get("after", 0)) :]
        ])  # fmt: skip

    async def audio(self, request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        if number >= len(self._state.sent) or self._state.sent[number].audio is None:
            raise web.HTTPNotFound
        return web.Response(body=self._state.sent[number].audio)

    async def requests(self, _: web.Request) -> web.Response:
        return web.json_response(self._faults.requests)

    async def left(self, _: web.Request) -> web.Response:
        return web.json_response(self._faults.left)

    async def put_fault(self, request: web.Request) -> web.Response:
        body = await request.json()
        times, kind = body.pop("times", None), FaultKind(body.pop("kind"))
        fault = ScriptedFault(kind, **body)
        if times is None:
            self._faults.always(request.match_info["service"], fault)
        else:
            self._faults.next(request.match_info["service"], *[fault] * int(times))
        return web.Response(status=204)

    async def clear_faults(self, _: web.Request) -> web.Response:
        self._faults.clear()
        return web.Response(status=204)

    async def put_pace(self, request: web.Request) -> web.Response:
        body = await request.json()
        self._pace.clear()
        speeds = {service: speed_of(fields) for service, fields in body.get("speeds", {}).items()}
        self._pace.script(speeds, connect_seconds=float(body.get("connect_seconds", 0)))
        return web.Response(status=204)
