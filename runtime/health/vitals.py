"""The probes and metrics of a process over HTTP: /healthz, /readyz and /metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from runtime.listening import listen
from runtime.metrics import EXPOSITION_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.metrics import Registry

_KEEPALIVE_SECONDS = 15.0
_SHUTDOWN_SECONDS = 1.0
"""The most that a request in progress delays stop()."""
_MOST_LINE_BYTES = 2048
_MOST_HEADER_BYTES = 4096
_BACKLOG = 16
_READY = frozenset({"polling", "open"})


class Vitals:
    """Serves the health of a process; `why_unwell` returns in a line why it is not healthy, or None."""

    def __init__(self, metrics: Registry, *, host: str, port: int, why_unwell: Callable[[], str | None]) -> None:
        self._metrics = metrics
        self._host = host
        self.port = port
        """The port listened on, once started."""
        self._why_unwell = why_unwell
        self.phase = "starting"
        """starting, joining, polling, draining or stopped; the webhook server's is open instead of polling."""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Start serving. Raises ListenError."""
        app = web.Application(client_max_size=1)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._exposition)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            keepalive_timeout=_KEEPALIVE_SECONDS,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            lingering_time=_SHUTDOWN_SECONDS,
            max_line_size=_MOST_LINE_BYTES,
            max_field_size=_MOST_HEADER_BYTES,
        )
        self.port = await listen(self._runner, "VITALS", self._host, self.port, _BACKLOG)

    async def stop(self) -> None:
        """Stop serving; idempotent."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        reason = self._why_unwell()
        return _text("ok") if reason is None else _text(reason, status=503)

    async def _readyz(self, _: web.Request) -> web.Response:
        return _text("ready") if self.phase in _READY else _text(self.phase, status=503)

    async def _exposition(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.exposition(), headers={"Content-Type": EXPOSITION_TYPE})


def _text(text: str, *, status: int = 200) -> web.Response:
    return web.Response(text=f"{text}\n", status=status, headers={"Cache-Control": "no-store"})
