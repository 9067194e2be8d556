"""Stop signals: the first drains, the second hurries, the third kills the process."""

from __future__ import annotations

import asyncio
import signal


class Stop:
    """A request to end, urgent when repeated."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self.urgent = asyncio.Event()

    def request(self) -> None:
        """Request the end."""
        if self.requested.is_set():
            self.urgent.set()
        self.requested.set()


def stop_on_signals() -> Stop:
    """Return a Stop that SIGTERM and SIGINT set."""
    stop = Stop()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)

    def request() -> None:
        if stop.requested.is_set():
            for number in numbers:
                loop.remove_signal_handler(number)
        stop.request()

    for number in numbers:
        loop.add_signal_handler(number, request)
    return stop
