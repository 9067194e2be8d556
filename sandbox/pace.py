"""Pace: how long the simulated services take when all is well; scripted, per service. Without a script all is instant.

A service is a route's name (whisper, llama, elevenlabs, series.send…). Streams keep to their schedule: a piece that is
late does not make the next one later.
"""

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
    """How quick one service is; as it stands, instant."""

    first_seconds: float = 0.0
    """From a request to the first byte of its answer."""
    heard_factor: float = 0.0
    """What comes on top of that for each second of sound that it is given, in seconds."""
    tokens_per_second: float = _INSTANT
    """How fast a model writes; one word is one token here."""
    spoken_factor: float = _INSTANT
    """How many times faster than real time a voice speaks."""


PUBLISHED: Final[Mapping[str, Speed]] = {
    "series.media": Speed(first_seconds=0.15),
    "series.send": Speed(first_seconds=0.25),
    "archive.put": Speed(first_seconds=0.15),
    "archive.get": Speed(first_seconds=0.15),
    "whisper": Speed(first_seconds=0.33, heard_factor=2 / 48),
    "llama": Speed(first_seconds=0.42, tokens_per_second=70.0),
    "elevenlabs": Speed(first_seconds=0.288, spoken_factor=17.5),
    "cartesia": Speed(first_seconds=0.188, spoken_factor=17.5),
}
"""What the services take that voicememo was made for; docs/performance.md has the source of each figure."""
PUBLISHED_CONNECT_SECONDS: Final = 0.08


class Pace:
    """The script."""

    def __init__(self) -> None:
        self._speeds: dict[str, Speed] = {}
        self.connect_seconds = 0.0
        """What the first request of a connection takes on top: handshakes (TCP, TLS) that cost nothing on loopback."""
        self._connected: WeakSet[asyncio.BaseTransport] = WeakSet()

    def script(self, speeds: Mapping[str, Speed], *, connect_seconds: float = 0.0) -> None:
        """Have services take their time; those that are not named keep theirs."""
        self._speeds.update(speeds)
        self.connect_seconds = connect_seconds

    def clear(self) -> None:
        """Let all be instant again."""
        self._speeds.clear()
        self.connect_seconds = 0.0

    def of(self, request: web.Request) -> Speed:
        """Give the speed of the service that a request is for."""
        return self._speeds.get(request.match_info.route.name or "", Speed())

    async def begun(self, request: web.Request) -> None:
        """Wait until the answer to a request may begin."""
        seconds = self.of(request).first_seconds
        if request.transport is not None and request.transport not in self._connected:
            self._connected.add(request.transport)
            seconds += self.connect_seconds
        await asyncio.sleep(seconds)

    async def heard(self, request: web.Request, seconds: float) -> None:
        """Wait for as long as it takes to listen to so many seconds of sound."""
        await asyncio.sleep(self.of(request).heard_factor * seconds)

    async def written(self, request: web.Request, tokens: Sequence[str]) -> AsyncIterator[str]:
        """Give the tokens of a reply as they are written."""
        loop = asyncio.get_running_loop()
        begun, speed = loop.time(), self.of(request).tokens_per_second
        for count, token in enumerate(tokens):
            await _until(begun + count / speed)
            yield token

    async def spoken(
        self, request: web.Request, pcm: bytes, *, sample_rate: int, piece_bytes: int
    ) -> AsyncIterator[bytes]:
        """Give the PCM (mono s16le) of a text as it is spoken."""
        loop = asyncio.get_running_loop()
        begun, bytes_per_second = loop.time(), self.of(request).spoken_factor * sample_rate * _SAMPLE_BYTES
        for start in range(0, len(pcm), piece_bytes):
            piece = pcm[start : start + piece_bytes]
            await _until(begun + (start + len(piece)) / bytes_per_second)
            yield piece


def middleware(pace: Pace) -> web.middleware:  # type: ignore[valid-type] # aiohttp's decorator type
    """Make the middleware that lets each answer begin when it may."""

    @web.middleware
    async def keep_pace(request: web.Request, handler: Handler) -> web.StreamResponse:
        await pace.begun(request)
        return await handler(request)

    return keep_pace


def speed_of(told: Mapping[str, Any]) -> Speed:
    """Read a speed as JSON has it. Raises TypeError, ValueError for what is none."""
    return Speed(**{name: float(value) for name, value in told.items()})


async def _until(moment: float) -> None:
    wait = moment - asyncio.get_running_loop().time()
    if wait > 0:
        await asyncio.sleep(wait)
