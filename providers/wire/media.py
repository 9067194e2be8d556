"""Media client: recordings from allowed hosts (I6)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from yarl import URL

from providers.errors import BadAnswer, Forbidden, TooLarge
from providers.wire.sessions import LazySession, client_errors, raise_refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import aiohttp

    from providers.ports import DownloadObserver
    from providers.wire.sessions import HostPolicy

SERVICE = "media"
_REDIRECTS = 3
_MOVED = frozenset({301, 302, 303, 307, 308})
_PIECE_BYTES = 64 * 1024


class MediaClient:
    """Downloads with a limit, checking every redirect; only the API itself gets the headers."""

    def __init__(
        self, policy: HostPolicy, headers: Mapping[str, str], *, max_memo_bytes: int, timeout_seconds: float
    ) -> None:
        self._policy = policy
        self._headers = headers
        self._max_memo_bytes = max_memo_bytes
        self._session = LazySession(total_seconds=timeout_seconds, policy=policy)

    async def fetch(self, address: str, *, observer: DownloadObserver | None = None) -> bytes:
        """Download a recording, once. Raises ProviderError; Forbidden and TooLarge as the port says."""
        url = _parse(address)
        for _ in range(_REDIRECTS + 1):
            self._policy.check(url)
            answer = await self._get(url, observer)
            if isinstance(answer, bytes):
                return answer
            url = answer
        raise Forbidden(SERVICE, "too many redirects")

    async def warm(self) -> None:
        """Open a connection to each likely host. Raises nothing."""
        likely = self._policy.likely()
        await asyncio.gather(*(self._session.warm(url, service=SERVICE) for url in likely))

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def _get(self, url: URL, observer: DownloadObserver | None) -> bytes | URL:
        headers = self._headers if self._policy.is_own(url) else {}
        with client_errors(SERVICE):
            async with self._session.get().get(url, headers=headers, allow_redirects=False) as response:
                if response.status in _MOVED:
                    return url.join(_parse(response.headers.get("Location", "")))
                raise_refusal(SERVICE, response)
                return await self._read(response, observer)

    async def _read(self, response: aiohttp.ClientResponse, observer: DownloadObserver | None) -> bytes:
        if (response.content_length or 0) > self._max_memo_bytes:
            raise TooLarge(SERVICE)
        if observer:
            observer.begin()
        pieces, size = [], 0
        async for piece in response.content.iter_chunked(_PIECE_BYTES):
            size += len(piece)
            if size > self._max_memo_bytes:
                raise TooLarge(SERVICE)
            pieces.append(piece)
            if observer:
                observer.take(piece)
        if not size:
            raise BadAnswer(SERVICE, "empty")
        return b"".join(pieces)


def _parse(address: str) -> URL:
    try:
        return URL(address)
    except ValueError as error:
        raise Forbidden(SERVICE, "not a URL") from error
