"""A bucket in memory: as much of S3's wire as an archive needs (PUT, GET and DELETE of an object, path style)."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Self

from aiohttp import web

if TYPE_CHECKING:
    from types import TracebackType

    from sandbox.pace import Speeds

NAME = "bench"
_LARGEST_BYTES = 64 * 1024 * 1024
_OBJECTS = 512
"""How many are remembered; more would not be read."""


class Bucket:
    """Runs while its block does.

    Args:
        pace: how long it takes, as the services archive.put and archive.get.
    """

    def __init__(self, pace: Speeds) -> None:
        self._pace = pace
        self._objects: OrderedDict[str, bytes] = OrderedDict()
        self._runner: web.AppRunner | None = None

    def environment(self) -> dict[str, str]:
        """Give the variables that make it the archive."""
        if self._runner is None:
            raise RuntimeError("the bucket is not there")
        host, port = self._runner.addresses[0][:2]
        return {
            "ARCHIVE_URL": f"s3://{NAME}",
            "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._pace.delay], client_max_size=_LARGEST_BYTES)
        path = f"/{NAME}/{{key:.+}}"
        app.add_routes(
            [
                web.put(path, self._put, name="archive.put"),
                web.get(path, self._get, name="archive.get"),
                web.delete(path, self._delete, name="archive.delete"),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _put(self, request: web.Request) -> web.Response:
        self._objects[request.match_info["key"]] = await request.read()
        if len(self._objects) > _OBJECTS:
            self._objects.popitem(last=False)
        return web.Response(headers={"ETag": '"kept"'})

    async def _get(self, request: web.Request) -> web.Response:
        body = self._objects.get(request.match_info["key"])
        if body is None:
            text = "<Error><Code>NoSuchKey</Code></Error>"
            return web.Response(status=404, text=text, content_type="application/xml")
        return web.Response(body=body, headers={"ETag": '"kept"'})

    async def _delete(self, request: web.Request) -> web.Response:
        self._objects.pop(request.match_info["key"], None)
        return web.Response(status=204)
