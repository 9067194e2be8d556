"""Listening on a port, with advice for the operator where it cannot be bound."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from typing import Literal


class ListenError(Exception):
    """A port cannot be bound; the message says which variable to change."""


async def listen(
    runner: web.AppRunner, prefix: Literal["VITALS", "WEBHOOK"], host: str, port: int, backlog: int
) -> int:
    """Serve on a port and return it, chosen by the system for 0; `prefix` begins the variables of both.

    Raises:
        ListenError: it cannot be bound; the runner is cleaned up.
    """
    try:
        await runner.setup()
        await web.TCPSite(runner, host, port, backlog=backlog).start()
    except OSError as error:
        await runner.cleanup()
        raise ListenError(_advice(error, prefix, host, port)) from error
    bound: int = runner.addresses[0][1]
    return bound


def _advice(error: OSError, prefix: str, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{prefix}_PORT {port} is taken on {host}: set {prefix}_PORT to a free one, or to 0 for any"
    if error.errno == errno.EACCES:
        return f"{prefix}_PORT {port} needs more rights: set {prefix}_PORT to one above 1023"
    return f"{prefix}_HOST {host} cannot be listened on: set it to an address of this machine"
