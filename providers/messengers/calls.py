"""Requests to a messenger's API, and the base of messengers over HTTP."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

import aiohttp
from yarl import URL

from providers.errors import OutcomeUnknown, Unreachable
from providers.messengers.wire import checked_pieces
from providers.wire.retries import RETRY_SECONDS, retry
from providers.wire.sessions import LazySession, client_errors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from providers.messengers.wire import Json, OutgoingMessage, Wire
    from providers.ports import DownloadObserver
    from providers.wire.media import MediaClient

T = TypeVar("T")

_ATTEMPTS: Final = 3
_TYPING_SECONDS: Final = 5.0
_STOP_TYPING_SECONDS: Final = 2.0
_REFRESH_TYPING_SECONDS: Final = 40.0  # Series forgets after 60 s


class ApiClient:
    """Client of one API, which makes each request once; a Wire interprets the answers."""

    def __init__(
        self, wire: Wire, base_url: str, api_key: str, *, timeout_seconds: float, send_timeout_seconds: float
    ) -> None:
        self._wire = wire
        self._base = URL(base_url.rstrip("/"))
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._send_timeout = aiohttp.ClientTimeout(total=send_timeout_seconds)
        self._session = LazySession(total_seconds=timeout_seconds)

    async def get(self, path: str) -> Json:
        """Get a resource. Raises ProviderError."""
        return await self._request("GET", path, None)

    async def post(self, path: str, body: Mapping[str, object]) -> Json:
        """Post a repeatable request. Raises ProviderError."""
        return await self._request("POST", path, body)

    async def send(self, send: OutgoingMessage) -> str:
        """Send a message; return its id. Raises OutcomeUnknown if it may be out, another ProviderError if it is not."""
        length = {"Content-Type": "application/json", "Content-Length": str(len(send.body))}
        try:
            async with self._session.get().post(
                self._url(send.path),
                data=checked_pieces(send.body, send.still_ours),
                headers={**self._headers, **length},
                timeout=self._send_timeout,
                allow_redirects=False,
            ) as response:
                return await self._wire.read_sent_id(response)
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(self._wire.service, "no connection") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OutcomeUnknown(self._wire.service, type(error).__name__) from error

    async def nudge(self, method: str, path: str, *, seconds: float) -> None:
        """Make a best-effort request. Never raises."""
        timeout = aiohttp.ClientTimeout(total=seconds)
        with suppress(aiohttp.ClientError, TimeoutError):
            async with self._session.get().request(
                method, self._url(path), headers=self._headers, timeout=timeout, allow_redirects=False
            ):
                pass

    async def warm(self) -> None:
        await self._session.warm(self._base, service=self._wire.service)

    async def close(self) -> None:
        await self._session.close()

    async def _request(self, method: str, path: str, body: Mapping[str, object] | None) -> Json:
        with client_errors(self._wire.service):
            async with self._session.get().request(
                method, self._url(path), json=body, headers=self._headers, allow_redirects=False
            ) as response:
                return await self._wire.read_answer(response)

    def _url(self, path: str) -> URL:
        return URL(f"{self._base}{path}", encoded=True)


class HttpMessenger(ABC):
    """Base of messengers: retries, downloads, typing, and connections."""

    def __init__(self, calls: ApiClient, media: MediaClient) -> None:
        self._calls = calls
        self._media = media

    async def download(self, url: str, *, observer: DownloadObserver | None = None) -> bytes:
        return await self._retry(partial(self._media.fetch, observer=observer), url)

    @asynccontextmanager
    async def typing(self, chat_id: str) -> AsyncIterator[None]:
        typing = asyncio.create_task(self._keep_typing(chat_id), name="typing")
        try:
            yield
        finally:
            typing.cancel()
            # Shielded: typing is taken back although the block is being cancelled.
            await asyncio.shield(asyncio.ensure_future(self._stop_typing(typing, chat_id)))

    async def warm(self) -> None:
        await asyncio.gather(self._calls.warm(), self._media.warm())

    async def close(self) -> None:
        await self._media.close()
        await self._calls.close()

    @abstractmethod
    async def _set_typing(self, method: str, chat_id: str, *, seconds: float) -> None:
        """POST shows the indicator, DELETE hides it. Must not raise."""

    async def _keep_typing(self, chat_id: str) -> None:
        while True:
            await self._set_typing("POST", chat_id, seconds=_TYPING_SECONDS)
            await asyncio.sleep(_REFRESH_TYPING_SECONDS)

    async def _stop_typing(self, typing: asyncio.Task[None], chat_id: str) -> None:
        await asyncio.gather(typing, return_exceptions=True)
        await self._set_typing("DELETE", chat_id, seconds=_STOP_TYPING_SECONDS)

    async def _send(self, send: OutgoingMessage, *, seconds: float = RETRY_SECONDS) -> str:
        async def once() -> str:
            send.still_ours()
            return await self._calls.send(send)

        return await self._retry(once, seconds=seconds)

    async def _retry(self, work: Callable[..., Awaitable[T]], *args: str, seconds: float = RETRY_SECONDS) -> T:
        return await retry(work, *args, attempts=_ATTEMPTS, seconds=seconds)
