"""Faults on the wire; to spoil or withhold the right answer, the sandbox first requests it from itself."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp import hdrs, web

from sandbox.faults import SCRIPTED, FaultKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp.typedefs import Handler

    from sandbox.faults import Faults, ScriptedFault

_OWN_REQUEST: Final = "X-Sandbox-Ourselves"  # header of a request of our own, which no fault hits
_LOOK_SECONDS: Final = 0.01  # between looks whether the client of a hung request is still there
_SMALL_BYTES: Final = 64
_LARGE_BYTES: Final = 64 * 1024
_LARGEST_BYTES: Final = 512 * 1024 * 1024  # of an endless answer: a client that has read this much will not stop
_AT_ONCE: Final = struct.pack("ii", 1, 0)  # SO_LINGER of no time: closing resets the connection
_JSON: Final = "application/json"
_MADE_UP: Final = {
    FaultKind.EMPTY: (b"", "application/octet-stream"),
    FaultKind.GARBAGE: (b"\x00\xff garbage \xfe" * 3 + SCRIPTED.encode(), "application/octet-stream"),
    FaultKind.HTML: (f"<!doctype html><html><title>502</title><p>{SCRIPTED}</p></html>".encode(), "text/html"),
    FaultKind.BROKEN_JSON: (f'{{"text": "{SCRIPTED}", "choices": [{{"delta"'.encode(), _JSON),
    FaultKind.OTHER_JSON: (f'{{"{SCRIPTED}": [{{"{SCRIPTED}": null}}], "choices": {{}}}}'.encode(), _JSON),
}
"""Kind → body and type of a made-up answer."""
_AUDIBLE: Final = ("audio/", "application/octet-stream")


@dataclass(frozen=True, slots=True)
class _Answer:
    """The right answer."""

    status: int
    content_type: str
    announced: bool  # whether its headers have its length
    body: bytes = field(repr=False)


def fault_middleware(faults: Faults, closing: asyncio.Event) -> web.middleware:  # type: ignore[valid-type] # aiohttp's decorator type
    """Make the middleware that injects faults; hung requests end with their client, or when `closing` is set."""

    @web.middleware
    async def inject(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get(_OWN_REQUEST) == faults.own_request_token:
            return await handler(request)
        service = request.match_info.route.name or "other"
        faults.requests[service] += 1
        if request.transport is not None:
            faults.callers[service].add(request.transport.get_extra_info("peername"))
        await asyncio.sleep(faults.latency.get(service, 0))
        fault = faults.take(service)
        if fault is None:
            return await handler(request)
        return await _FaultyAnswer(fault, request, faults, service, closing).send()

    return inject


@dataclass(slots=True)
class _FaultyAnswer:
    fault: ScriptedFault
    request: web.Request
    faults: Faults
    service: str
    closing: asyncio.Event

    async def send(self) -> web.StreamResponse:
        await self.request.read()
        match self.fault.kind:
            case FaultKind.STATUS:
                return web.Response(
                    text=f'{{"error": "{SCRIPTED}"}}',
                    status=self.fault.status,
                    reason=SCRIPTED,
                    headers={} if self.fault.retry_after is None else {"Retry-After": self.fault.retry_after},
                    content_type=_JSON,
                )
            case FaultKind.REDIRECT:
                return web.Response(status=307, headers={"Location": self.fault.location}, text=SCRIPTED)
            case kind if kind in _MADE_UP:
                body, content_type = _MADE_UP[kind]
                return web.Response(body=body, content_type=content_type)
            case FaultKind.HANG | FaultKind.CUT | FaultKind.RESET:
                return await self._no_answer()
            case FaultKind.ACCEPTED_THEN_CUT | FaultKind.ACCEPTED_THEN_HANG:
                await self._right_answer()
                return await self._no_answer()
            case _:
                return await self._spoil(await self._right_answer())

    async def _no_answer(self) -> web.StreamResponse:
        if self.fault.kind in {FaultKind.HANG, FaultKind.ACCEPTED_THEN_HANG}:
            await self._silence()
        transport = self.request.transport
        if transport is not None and self.fault.kind is FaultKind.RESET:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        if transport is not None:
            transport.abort()
        return web.Response()

    async def _right_answer(self) -> _Answer:
        """Send the client's request to ourselves."""
        if self.request.transport is None:
            raise ConnectionResetError
        host, port = self.request.transport.get_extra_info("sockname")[:2]
        headers = {**self.request.headers, _OWN_REQUEST: self.faults.own_request_token, "Accept-Encoding": "identity"}
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                self.request.method,
                f"http://{host}:{port}{self.request.raw_path}",
                data=await self.request.read(),
                headers={name: value for name, value in headers.items() if name.lower() != "transfer-encoding"},
            ) as response,
        ):
            announced = hdrs.CONTENT_LENGTH in response.headers
            return _Answer(response.status, response.content_type, announced, await response.read())

    async def _spoil(self, answer: _Answer) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
        if answer.announced and self.fault.kind not in {FaultKind.SHORT, FaultKind.ENDLESS, FaultKind.DRIP}:
            response.content_length = len(answer.body)
        await response.prepare(self.request)
        try:
            async for piece in self._pieces(answer):
                await response.write(piece)
        except ConnectionResetError:
            self.faults.left[self.service] += 1
            return response
        if self.fault.kind in {FaultKind.HANG_AFTER_HEADERS, FaultKind.HANG_MIDWAY}:
            await self._silence()
        if self.request.transport is not None and self.fault.kind not in {FaultKind.SHORT, FaultKind.TRICKLE}:
            self.request.transport.abort()
        return response

    async def _pieces(self, answer: _Answer) -> AsyncIterator[bytes]:
        half = len(answer.body) // 2 if self.fault.after_bytes is None else self.fault.after_bytes
        beginning = answer.body[:half]
        match self.fault.kind:
            case FaultKind.HANG_MIDWAY | FaultKind.CUT_MIDWAY | FaultKind.SHORT:
                yield beginning
                await asyncio.sleep(self.fault.pause_seconds)  # a cut drops what is still to be sent
            case FaultKind.TRICKLE:
                for start in range(0, len(answer.body), _SMALL_BYTES):
                    yield answer.body[start : start + _SMALL_BYTES]
                    await asyncio.sleep(self.fault.pause_seconds)
            case FaultKind.DRIP:
                drop = b"\0" if answer.content_type.startswith(_AUDIBLE) else b"\n"
                while not self.closing.is_set():
                    yield drop
                    await asyncio.sleep(self.fault.pause_seconds)
            case FaultKind.ENDLESS:
                whole_lines = beginning[: beginning.rfind(b"\n\n") + 2 or len(beginning)] or b"\n"
                large = whole_lines * (_LARGE_BYTES // len(whole_lines) + 1)
                for _ in range(0, _LARGEST_BYTES, len(large)):
                    yield large
                    await asyncio.sleep(0)
            case _:  # nothing after the headers
                pass

    async def _silence(self) -> None:
        """Wait until the client leaves, or the sandbox closes."""
        self.faults.held[self.service] += 1
        while not self.closing.is_set():
            if self.request.transport is None or self.request.transport.is_closing():
                self.faults.left[self.service] += 1
                return
            await asyncio.sleep(_LOOK_SECONDS)
