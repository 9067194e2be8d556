"""The messengers under one contract, each with what its wire calls things."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from audio.clip import Clip
from audio.formats import Format
from providers.messengers.linq import LinqMessenger, SendTiming
from providers.messengers.series import SeriesMessenger
from providers.ports import VoiceReply
from sandbox.app import LINQ_KEY, SERIES_KEY
from sandbox.faults import FaultKind
from tests.contracts.adapters import PATIENT_SECONDS, SHORT_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from sandbox.faults import ScriptedFault

REPLY = VoiceReply("51", Clip(b"\x00sound", Format.M4A), "the words", "tts_response_1.m4a", "voicememo-51-1")
LIMIT = 200_000
_SILENT = {
    FaultKind.HANG,
    FaultKind.HANG_AFTER_HEADERS,
    FaultKind.HANG_MIDWAY,
    FaultKind.DRIP,
    FaultKind.ACCEPTED_THEN_HANG,
}


def patience_seconds(fault: ScriptedFault) -> float:
    """Return the time-out: long for answers, however busy the machine is, and short for silence."""
    return SHORT_SECONDS if fault.kind in _SILENT else PATIENT_SECONDS


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation of the API, and its client."""

    name: str
    prefix: str
    """Prefix of its paths in the sandbox."""
    key: str
    send: str
    """The route that finally sends a voice message."""
    media_is_told_the_key: bool
    """Whether a recording at the API's own host is asked for with the key."""

    def route(self, name: str) -> str:
        """Return a route of the sandbox."""
        return f"{self.name}.{name}"

    @asynccontextmanager
    async def client(
        self,
        url: str,
        *,
        key: str | None = None,
        hosts: Collection[str] = ("127.0.0.1",),
        timeout_seconds: float = PATIENT_SECONDS,
    ) -> AsyncIterator[SeriesMessenger | LinqMessenger]:
        """Open a client for the API at a URL."""
        made: SeriesMessenger | LinqMessenger
        if self.name == "series":
            made = SeriesMessenger(
                f"{url}{self.prefix}",
                key or self.key,
                media_hosts=hosts,
                max_memo_bytes=LIMIT,
                timeout_seconds=timeout_seconds,
                send_timeout_seconds=timeout_seconds,
            )
        else:
            made = LinqMessenger(
                f"{url}{self.prefix}",
                key or self.key,
                media_hosts=hosts,
                max_memo_bytes=LIMIT,
                timeout_seconds=timeout_seconds,
                timing=SendTiming(5 * timeout_seconds, 2.5 * timeout_seconds, timeout_seconds),
            )
        try:
            yield made
        finally:
            await made.close()


SERIES = Generation("series", "", SERIES_KEY, "series.send", media_is_told_the_key=True)
LINQ = Generation("linq", "/api/partner", LINQ_KEY, "linq.voicememo", media_is_told_the_key=False)


class serving:  # noqa: N801 (used like a function)
    """One handler on loopback, for every path and method."""

    def __init__(self, handler: object) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)  # type: ignore[arg-type] # one of two shapes of handler
        self._runner = web.AppRunner(app)

    async def __aenter__(self) -> str:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
