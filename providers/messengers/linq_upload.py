"""Uploads to Linq's signed addresses, without our key (I6).

An address is for one file and 15 minutes, at any public https host, with exactly the ticket's headers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from yarl import URL

from providers.errors import BadAnswer, Forbidden, Unavailable
from providers.messengers.wire import checked_pieces
from providers.wire.sessions import LazySession, client_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from providers.messengers.linq_wire import Ticket
    from providers.wire.sessions import HostPolicy

SERVICE: Final = "linq-upload"
_ACCEPTED: Final = range(200, 300)
# Added by aiohttp unless skipped.
_AUTOMATIC_HEADERS: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class Uploader:
    """Client of upload addresses."""

    def __init__(self, policy: HostPolicy, *, timeout_seconds: float) -> None:
        self._policy = policy
        self._session = LazySession(total_seconds=timeout_seconds, policy=policy)

    async def put(self, ticket: Ticket, data: bytes, still_ours: Callable[[], None]) -> None:
        """Upload a file, once. Raises Forbidden, and ProviderError where a fresh ticket may help."""
        url = _parse(ticket.url)
        self._policy.check(url)
        named = {name.lower(): value for name, value in ticket.headers.items()}
        if named.get("content-length", str(len(data))) != str(len(data)) or "transfer-encoding" in named:
            raise BadAnswer(SERVICE, "an upload of another length")
        length = {} if "content-length" in named else {"Content-Length": str(len(data))}
        with client_errors(SERVICE):
            async with self._session.get().put(
                url,
                data=checked_pieces(data, still_ours),
                headers={**ticket.headers, **length},
                skip_auto_headers=_AUTOMATIC_HEADERS,
                allow_redirects=False,
            ) as response:
                if response.status not in _ACCEPTED:
                    raise Unavailable(SERVICE, status=response.status)

    async def close(self) -> None:
        await self._session.close()


def _parse(address: str) -> URL:
    try:
        url = URL(address, encoded=True)
        _ = url.port  # reading it is what checks it
    except ValueError as error:
        raise Forbidden(SERVICE, "not a URL") from error
    if not address.isascii() or not address.isprintable() or " " in address:
        raise Forbidden(SERVICE, "not a URL")
    return url
