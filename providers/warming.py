"""Warming: a connection is opened before it is needed, so that no memo waits for its handshakes."""

from __future__ import annotations

import logging
from typing import Final

import aiohttp
from yarl import URL

from providers.errors import ProviderError

_SECONDS: Final = 5.0

log = logging.getLogger(__name__)


async def open_connection(
    connections: aiohttp.ClientSession, address: str | URL, *, service: str, seconds: float = _SECONDS
) -> None:
    """Open a connection to whoever serves a URL, and leave it to the session's next request there.

    The headers of the service's root are asked for, which costs nothing: no key goes along, and no words. Any answer
    will do. None is no failure: whoever needs the connection finds out soon enough. Raises nothing.

    Args:
        connections: the session whose requests are to find it open.
        address: any URL of the service.
        service: whom it asks, in logs.
        seconds: how long it may take, in seconds.
    """
    try:
        async with connections.head(
            URL(address).origin(), allow_redirects=False, timeout=aiohttp.ClientTimeout(total=seconds)
        ) as answer:
            log.debug("connection.opened", extra={"service": service, "status": answer.status})
    except (aiohttp.ClientError, ProviderError, OSError, ValueError) as error:  # a TimeoutError is an OSError
        log.info("connection.not_opened", extra={"service": service, "error": type(error).__name__})
