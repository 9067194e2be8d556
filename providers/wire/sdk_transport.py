"""aiohttp beneath the vendors' clients (httpx, httpx2), with checked answers.

The clients would put bodies into errors, follow redirects with the whole request, read without end, and take truncated
answers for lost connections. Why aiohttp: docs/decisions/0014-aiohttp-beneath-the-clients.md.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

import aiohttp
import httpx
import httpx2
from yarl import URL

from providers.errors import BadAnswer, ProviderError, Unreachable
from providers.wire.sessions import LazySession, require_success

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Request: TypeAlias = httpx.Request | httpx2.Request
Response: TypeAlias = httpx.Response | httpx2.Response

LONGEST_WORDS_BYTES: Final = 8 * 1024 * 1024
"""Longest answer in JSON."""
# How long, and for how many pieces, to wait for the end of an answer that a client left at [DONE].
_END_SECONDS, _END_PIECES = 0.03, 4
_AS_IT_IS: Final = "identity"


class Transport(httpx.AsyncBaseTransport, httpx2.AsyncBaseTransport):
    """Kept connections without time-outs: use open_response() or time_limit()."""

    def __init__(self, service: str, *, limit_bytes: int = LONGEST_WORDS_BYTES) -> None:
        self._service = service
        self._limit_bytes = limit_bytes
        self._session = LazySession(total_seconds=None)

    async def handle_async_request(self, request: Request) -> Response:  # type: ignore[override] # of either kind
        """Send a request; return only a usable answer.

        Raises:
            ProviderError: through every client but Cartesia's, which makes it its error's cause.
        """
        answer = await self._send(request)
        body = _Body(self._service, answer, self._limit_bytes)
        try:
            require_success(self._service, answer)
            if answer.headers.get("Content-Encoding", _AS_IT_IS) != _AS_IT_IS:
                raise BadAnswer(self._service, "compressed")
        except ProviderError:
            await body.aclose()
            raise
        made = httpx.Response if isinstance(request, httpx.Request) else httpx2.Response
        return made(answer.status, headers=answer.raw_headers, stream=body, request=request)  # type: ignore[arg-type] # the same

    async def warm(self, address: str) -> None:
        """Open a connection to a URL's server. Raises nothing."""
        await self._session.warm(address, service=self._service)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def _send(self, request: Request) -> aiohttp.ClientResponse:
        request.headers["Accept-Encoding"] = _AS_IT_IS  # a limit on compressed bytes would be none
        try:
            return await self._session.get().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                data=_content(request),
                allow_redirects=False,  # followed, one would take what was said, and perhaps the key, to a stranger
                auto_decompress=False,
            )
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(self._service, type(error).__name__) from error


def http_client(connections: Transport) -> httpx.AsyncClient:
    """Build a vendor client's HTTP client; closing it closes the transport."""
    return httpx.AsyncClient(transport=connections, follow_redirects=False)


class _Body(httpx.AsyncByteStream, httpx2.AsyncByteStream):
    """A bounded body whose failures are a BadAnswer."""

    def __init__(self, service: str, answer: aiohttp.ClientResponse, limit_bytes: int) -> None:
        self._service = service
        self._answer = answer
        self._left_bytes = limit_bytes

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._closed:
            raise BadAnswer(self._service, "cut short")
        try:
            piece = await self._answer.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise BadAnswer(self._service, "cut short") from error
        if not piece:
            raise StopAsyncIteration
        self._left_bytes -= len(piece)
        if self._left_bytes < 0:
            raise BadAnswer(self._service, "endless")
        return piece

    async def aclose(self) -> None:
        """Keep the connection if only the answer's end is unread; else close it."""
        try:
            with suppress(aiohttp.ClientError, OSError):  # a TimeoutError is an OSError
                async with asyncio.timeout(_END_SECONDS):
                    await self._drain()
        finally:
            self._answer.close()  # of an answer that has ended the connection is back already

    async def _drain(self) -> None:
        for _ in range(_END_PIECES):
            if self._closed or self._answer.content.at_eof():
                return
            await self._answer.content.readany()

    @property
    def _closed(self) -> bool:
        connection = self._answer.connection  # a closed session closes it; the reader learns that only later
        return connection is not None and connection.closed


def _content(request: Request) -> bytes | AsyncIterator[bytes] | None:
    try:
        return request.content or None
    except (httpx.RequestNotRead, httpx2.RequestNotRead):
        return aiter(request.stream)  # type: ignore[arg-type] # an asynchronous client makes no other
