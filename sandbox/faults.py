"""Scripted latency and faults, per service: what the tests and the demo make the upstreams suffer."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler


class Kind(StrEnum):
    """What goes wrong."""

    STATUS = "status"
    """Answers with `status`, and `retry_after` where it is set."""
    HANG = "hang"
    """Never answers."""
    CUT = "cut"
    """Closes the connection without an answer."""
    EMPTY = "empty"
    """Answers 200 with nothing."""
    GARBAGE = "garbage"
    """Answers 200 with bytes that mean nothing."""
    ACCEPTED_THEN_CUT = "accepted-then-cut"
    """Does what was asked, and closes the connection without saying so."""
    ACCEPTED_THEN_HANG = "accepted-then-hang"
    """Does what was asked, and never says so."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble."""

    kind: Kind
    status: int = 500
    retry_after: str | None = None


_ACCEPTED = {Kind.ACCEPTED_THEN_CUT, Kind.ACCEPTED_THEN_HANG}


class Faults:
    """What happens to the requests of each service; a service is a route's name (whisper, llama, series.send…)."""

    def __init__(self) -> None:
        self._next: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._always: dict[str, Fault] = {}
        self.latency: dict[str, float] = {}
        """Service → seconds before it answers."""
        self.requests: Counter[str] = Counter()
        """Service → requests that came."""

    def next(self, service: str, *faults: Fault) -> None:
        """Let the next requests suffer these, one each."""
        self._next[service].extend(faults)

    def always(self, service: str, fault: Fault) -> None:
        """Let every request suffer this, until cleared."""
        self._always[service] = fault

    def clear(self) -> None:
        """Let all be well again."""
        self._next.clear()
        self._always.clear()
        self.latency.clear()

    def take(self, service: str) -> Fault | None:
        """Give what this request is to suffer."""
        queue = self._next.get(service)
        return queue.popleft() if queue else self._always.get(service)


def middleware(faults: Faults, closing: asyncio.Event) -> web.middleware:  # type: ignore[valid-type] # aiohttp's decorator type
    """Make the middleware; hung requests end when `closing` is set."""

    @web.middleware
    async def suffer(request: web.Request, handler: Handler) -> web.StreamResponse:
        service = request.match_info.route.name or "other"
        faults.requests[service] += 1
        await asyncio.sleep(faults.latency.get(service, 0))
        fault = faults.take(service)
        if fault is None:
            return await handler(request)
        return await _suffered(fault, request, handler, closing)

    return suffer


async def _suffered(fault: Fault, request: web.Request, handler: Handler, closing: asyncio.Event) -> web.StreamResponse:
    if fault.kind not in _ACCEPTED:  # a form can be read once only, and then by who does what was asked
        await request.read()
    match fault.kind:
        case Kind.STATUS:
            headers = {"Retry-After": fault.retry_after} if fault.retry_after is not None else {}
            return web.json_response({"error": "scripted"}, status=fault.status, headers=headers)
        case Kind.EMPTY:
            return web.Response()
        case Kind.GARBAGE:
            return web.Response(body=b"\x00\xff garbage \xfe" * 3)
        case Kind.HANG:
            await closing.wait()
        case Kind.ACCEPTED_THEN_CUT:
            await handler(request)
        case Kind.ACCEPTED_THEN_HANG:
            await handler(request)
            await closing.wait()
        case Kind.CUT:
            pass
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
