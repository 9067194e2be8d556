"""What an answer must be before a vendor's own client sees it.

Their clients put an answer's body into their errors' texts, follow redirects with all that was said, read without end,
and call an answer that broke off a failed connection. So all of that is settled beneath them, in hooks of the HTTP
client that each of them is given (httpx, or httpx2, its continuation).
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx
import httpx2

from providers.deadline import deadline
from providers.errors import BadAnswer, ProviderError, TimedOut, from_status
from providers.http import retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

T = TypeVar("T")

LONGEST_WORDS_BYTES: Final = 8 * 1024 * 1024
"""Of an answer in JSON, or of a stream of it."""
_CONNECTIONS: Final = 256
KEEP_ALIVE_SECONDS: Final = 75.0
"""For how long a connection is kept that nobody uses; httpx keeps it for 5, and each memo would shake hands anew."""
_STATUSES: Final = range(400, 600)
_MOVED: Final = 300
_WRONG: Final = 400
_END_SECONDS, _END_PIECES = 0.03, 4
"""How long, and for how many pieces, the end of a stream is waited for that a client has left, as all do at [DONE]."""
_AS_IT_IS: Final = "identity"


@cache
def authorities() -> ssl.SSLContext:
    """Load the certificate authorities once: 20 ms and a megabyte that each client would pay for again."""
    return ssl.create_default_context()


def http_client(service: str, *, limit_bytes: int) -> httpx.AsyncClient:
    """Make an HTTP client for a vendor's own. It has no time-outs: who asks gives them, with opened() or within()."""
    return httpx.AsyncClient(
        verify=authorities(),
        timeout=None,  # noqa: S113 (as its docstring says)
        limits=httpx.Limits(max_connections=_CONNECTIONS, keepalive_expiry=KEEP_ALIVE_SECONDS),
        follow_redirects=False,
        trust_env=False,
        event_hooks=hooks(service, limit_bytes=limit_bytes),
    )


def hooks(service: str, *, limit_bytes: int = LONGEST_WORDS_BYTES) -> dict[str, list[Callable[[Any], Awaitable[None]]]]:
    """Make the event hooks of an HTTP client.

    What they raise passes through every client but Cartesia's, which takes it for its cause.

    Args:
        service: whose answers these are, in errors.
        limit_bytes: of one answer, in bytes; a longer one is a BadAnswer.
    """

    async def ask(request: httpx.Request | httpx2.Request) -> None:
        request.headers["Accept-Encoding"] = _AS_IT_IS  # a limit on what was packed would be none

    async def judge(response: httpx.Response | httpx2.Response) -> None:
        if response.status_code >= _WRONG:
            wait = retry_after_seconds(response.headers.get("Retry-After"))
            raise from_status(service, response.status_code, wait)
        if response.status_code >= _MOVED:  # followed, it would take what was said, and perhaps the key, to a stranger
            raise BadAnswer(service, "redirect", status=response.status_code)
        if response.headers.get("Content-Encoding", _AS_IT_IS) != _AS_IT_IS:
            raise BadAnswer(service, "packed")
        response.stream = _Checked(service, response.stream, limit_bytes)

    return {"request": [ask], "response": [judge]}


def told_of(service: str, error: object) -> ProviderError:
    """Map an error that came after the status: routers pass the status of whoever stands behind them on in its code."""
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, int) and code in _STATUSES:
        return from_status(service, code)
    return BadAnswer(service, "told of an error")


class _Checked(httpx.AsyncByteStream, httpx2.AsyncByteStream):
    """An answer's body, bounded, whose failures are those of an answer and not of a connection."""

    def __init__(self, service: str, body: Any, limit_bytes: int) -> None:  # noqa: ANN401 (the stream of either client)
        self._service = service
        self._body = body
        self._pieces: AsyncIterator[bytes] = aiter(body)
        self._left_bytes = limit_bytes

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await anext(self._pieces)
        except (httpx.HTTPError, httpx2.HTTPError) as error:
            raise BadAnswer(self._service, "cut short") from error
        self._left_bytes -= len(piece)
        if self._left_bytes < 0:
            raise BadAnswer(self._service, "endless")
        return piece

    async def aclose(self) -> None:
        """Give the connection back, where the answer is at its end but for what nobody read; else close it."""
        try:
            with suppress(ProviderError, StopAsyncIteration, TimeoutError):
                await asyncio.wait_for(self._ended(), _END_SECONDS)
        finally:
            await self._body.aclose()

    async def _ended(self) -> None:
        for _ in range(_END_PIECES):
            await anext(self)


def within(service: str, seconds: float) -> AbstractAsyncContextManager[None]:
    """Give a block so many seconds. Raises TimedOut."""
    return deadline(seconds, TimedOut(service))


@asynccontextmanager
async def opened(service: str, seconds: float, request: AbstractAsyncContextManager[T]) -> AsyncIterator[T]:
    """Give an answer as soon as it begins. Raises TimedOut when it has not begun after so many seconds."""
    async with AsyncExitStack() as stack:
        async with within(service, seconds):
            response = await stack.enter_async_context(request)
        yield response
