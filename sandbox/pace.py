"""Pace of the simulated services: instant, unless scripted. A late piece of a stream does not delay the next one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from aiohttp.typedefs import Handler

_SAMPLE_BYTES: Final = 2
_INSTANT: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Speed:
    """Speed of one service; instant by default."""

    first_seconds: float = 0.0  # from a request to the first byte of its answer
    heard_factor: float = 0.0  # further seconds for each second of sound in the request
    tokens_per_second: float = _INSTANT  # one word is one token here
    spoken_factor: float = _INSTANT  # times faster than real time


class Speeds:
    """Speeds by service (a route's name, such as whisper or series.send), and waits that follow them."""

    def __init__(self) -> None:
        self._speeds: dict[str, Speed] = {}
        self.connect_seconds = 0.0
        """Added to a connection's first request, for handshakes that cost nothing on loopback."""
        self._connected: WeakSet[asyncio.BaseTransport] = WeakSet()

    def script(self, speeds: Mapping[str, Speed], *, connect_seconds: float = 0.0) -> None:
        """Set the speeds of services; others keep theirs."""
        self._speeds.update(speeds)
        self.connect_seconds = connect_seconds

    def clear(self) -> None:
        """Make all services instant."""
        self._speeds.clear()
        self.connect_seconds = 0.0

    def speed(self, request: web.Request) -> Speed:
        """Return the speed of a request's service."""
        return self._speeds.get(request.match_info.route.name or "", Speed())

    async def wait_to_answer(self, request: web.Request) -> None:
        """Wait until the answer may begin."""
        seconds = self.speed(request).first_seconds
        if request.transport is not None and request.transport not in self._connected:
            self._connected.add(request.transport)
            seconds += self.connect_seconds
        await asyncio.sleep(seconds)

    @web.middleware
    async def delay(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Wait, and then let the handler answer."""
        await self.wait_to_answer(request)
        return await handler(request)

    async def wait_to_hear(self, request: web.Request, seconds: float) -> None:
        """Wait as long as the service listens to a recording of that length."""
        await asyncio.sleep(self.speed(request).heard_factor * seconds)

    async def pace_tokens(self, request: web.Request, tokens: Sequence[str]) -> AsyncIterator[str]:
        """Yield the tokens of a reply as a model writes them."""
        loop = asyncio.get_running_loop()
        begun, speed = loop.time(), self.speed(request).tokens_per_second
        for count, token in enumerate(tokens):
            await _until(begun + count / speed)
            yield token

    async def pace_audio(
        self, request: web.Request, pcm: bytes, *, sample_rate: int, piece_bytes: int
    ) -> AsyncIterator[bytes]:
        """Yield pieces of PCM (mono s16le) as a voice speaks them."""
        loop = asyncio.get_running_loop()
        begun, bytes_per_second = loop.time(), self.speed(request).spoken_factor * sample_rate * _SAMPLE_BYTES
        for start in range(0, len(pcm), piece_bytes):
            piece = pcm[start : start + piece_bytes]
            await _until(begun + (start + len(piece)) / bytes_per_second)
            yield piece


def speed_of(fields: Mapping[str, Any]) -> Speed:
    """Read a speed from JSON. Raises TypeError or ValueError if it is none."""
    return Speed(**{name: float(value) for name, value in fields.items()})


async def _until(moment: float) -> None:
    wait = moment - asyncio.get_running_loop().time()
    if wait > 0:
        await asyncio.sleep(wait)
