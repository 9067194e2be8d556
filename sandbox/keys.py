"""Keys: the simulated vendors refuse requests without theirs, as the real ones do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler


def require(handler: Handler, headers: Mapping[str, str | None], *, refusal: str) -> Handler:
    """Wrap a handler: a request without these headers (None: any value) is answered with 401 and this JSON text."""

    async def check(request: web.Request) -> web.StreamResponse:
        for name, value in headers.items():
            if name not in request.headers or value not in {None, request.headers[name]}:
                raise web.HTTPUnauthorized(text=refusal, content_type="application/json")
        return await handler(request)

    return check
