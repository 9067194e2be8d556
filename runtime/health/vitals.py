"""The message for a port that cannot be bound."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from runtime.metrics import EXPOSITION_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable


def bind_error(error: OSError, what: str, host: str, port: int) -> str:
    """Return what to change: `what` is the variable's prefix, VITALS or WEBHOOK."""
    if error.errno == errno.EADDRINUSE:
        return f"{what}_PORT {port} is taken on {host}: set {what}_PORT to a free one, or to 0 for any"
    if error.errno == errno.EACCES:
        return f"{what}_PORT {port} needs more rights: set {what}_PORT to one above 1023"
    return f"{what}_HOST {host} cannot be listened on: set it to an address of this machine"


_KEEPALIVE_SECONDS = 15.0
_SHUTDOWN_SECONDS = 1.0
"""The most that a request in hand delays stop()."""
_MOST_LINE_BYTES = 2048
_MOST_HEADER_BYTES = 4096
_BACKLOG = 16
_READY = frozenset({"polling", "open"})


class VitalsError(Exception):
    """The port cannot be listened on; the message says which variable to change."""


class MetricsSource(Protocol):
    """What /metrics serves."""

    def exposition(self) -> bytes:
        """Return all metrics, as EXPOSITION_TYPE."""
        ...


class Vitals:
    """Serves the health of a process; `why_unwell` returns in a line why it is not healthy, or None."""

    def __init__(
        self,
        metrics: MetricsSource,
        *,
        host: str,
        port: int,
        why_unwell: Callable[[], str | None],
    ) -> None:
        self._metrics = metrics
        self._host = host
        self._port = port
        self._why_unwell = why_unwell
        self.phase = "starting"
        """starting, joining, polling, draining or stopped; a door is open instead of polling."""
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port listened on."""
        return self._port

    async def start(self) -> None:
        """Start serving. Raises VitalsError."""
        runner = web.AppRunner(
            self._app(),
            access_log=None,
            keepalive_timeout=_KEEPALIVE_SECONDS,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            lingering_time=_SHUTDOWN_SECONDS,
            max_line_size=_MOST_LINE_BYTES,
            max_field_size=_MOST_HEADER_BYTES,
        )
        self._runner = runner  # from here on stop() cleans up, whatever happens
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port, backlog=_BACKLOG).start()
        except OSError as error:
            await self.stop()
            raise VitalsError(bind_error(error, "VITALS", self._host, self._port)) from error
        self._port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop serving; idempotent."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=1)
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._exposition),
            ]
        )
        return app

    async def _healthz(self, _: web.Request) -> web.Response:
        reason = self._why_unwell()
        return _text("ok") if reason is None else _text(reason, status=503)

    async def _readyz(self, _: web.Request) -> web.Response:
        if self.phase not in _READY:
            return _text(self.phase, status=503)
        return _text("ready")

    async def _exposition(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.exposition(), headers={"Content-Type": EXPOSITION_TYPE})


def _text(text: str, *, status: int = 200) -> web.Response:
    return web.Response(text=f"{text}\n", status=status, headers={"Cache-Control": "no-store"})
