"""Ports for servers that cannot choose their own: below those that the system gives to connections.

One that the system chose is free now, and may be some connection's a moment later, or while the server restarts: tests
that run beside open thousands.
"""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack
from typing import Final

_PORTS: Final = range(20_000, 32_000)
"""Linux gives 32768 to 60999 to connections, by default (ip(7), ip_local_port_range)."""


def free_ports(count: int) -> list[int]:
    """Return so many unused ports of 127.0.0.1."""
    with ExitStack() as closing:
        found: list[int] = []
        for port in random.sample(_PORTS, len(_PORTS)):
            if len(found) == count:
                break
            try:
                closing.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
            found.append(port)
        return found
