"""The connections of one adapter: made when they are first needed, kept for the next request, closed at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from providers.warming import open_connection

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp
    from yarl import URL


class Connections:
    """An HTTP session that is made inside the running loop, not when the adapter is put together.

    Args:
        make: makes the session.
    """

    def __init__(self, make: Callable[[], aiohttp.ClientSession]) -> None:
        self._make = make
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> aiohttp.ClientSession:
        """Give the session."""
        if self._session is None:
            self._session = self._make()
        return self._session

    async def warm(self, address: str | URL, *, service: str) -> None:
        """Have a connection open before it is needed. Raises nothing."""
        await open_connection(self.open(), address, service=service)

    async def close(self) -> None:
        """Close all; the next request would open anew."""
        if self._session is not None:
            await self._session.close()
            self._session = None
