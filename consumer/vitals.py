"""Vitals: is the worker alive, is it ready, how is it doing? /healthz, /readyz and /metrics, on one small server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from consumer.listening import refusal
from consumer.metrics import EXPOSITION_TYPE
from consumer.notices import WorkerChanged

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.notices import Notice

_KEEPALIVE_SECONDS = 15.0
_SHUTDOWN_SECONDS = 1.0
"""How long a request that is being answered may hold up the end, in seconds."""
_MOST_LINE_BYTES = 2048
_MOST_HEADER_BYTES = 4096
_BACKLOG = 16
_READY = frozenset({"polling", "open"})


class VitalsError(Exception):
    """The vitals cannot be served; the message says which variable to change."""


class Exposed(Protocol):
    """What /metrics tells, as Metrics does."""

    def exposition(self) -> bytes:
        """Give everything in Prometheus's text format, whose content type is EXPOSITION_TYPE."""
        ...


class Vitals:
    """Serves the vitals of the worker, or of the webhook door.

    Args:
        metrics: what /metrics tells.
        host: to listen on.
        port: to listen on; 0 takes any that is free.
        why_unwell: says in a line why the worker is not healthy; None when it is.
    """

    def __init__(
        self,
        metrics: Exposed,
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
        """What the worker does: starting, joining, polling, draining or stopped; it is ready only while it polls.

        A door is open instead of polling.
        """
        self._runner: web.AppRunner | None = None

    def __call__(self, notice: Notice) -> None:
        """Follow the worker from phase to phase: Vitals may be subscribed to the notices."""
        if isinstance(notice, WorkerChanged):
            self.phase = notice.phase

    @property
    def port(self) -> int:
        """The port that is listened on: the one asked for, or the one that was free."""
        return self._port

    async def start(self) -> None:
        """Begin to serve.

        Raises:
            VitalsError: the port is taken, or the host is not ours to listen on.
        """
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
            raise VitalsError(refusal(error, "VITALS", self._host, self._port)) from error
        self._port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Serve no more; doing so again changes nothing."""
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
        return _told("ok") if reason is None else _told(reason, status=503)

    async def _readyz(self, _: web.Request) -> web.Response:
        if self.phase not in _READY:
            return _told(self.phase, status=503)
        return _told("ready")

    async def _exposition(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.exposition(), headers={"Content-Type": EXPOSITION_TYPE})


def _told(text: str, *, status: int = 200) -> web.Response:
    return web.Response(text=f"{text}\n", status=status, headers={"Cache-Control": "no-store"})
