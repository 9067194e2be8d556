"""Stop signals: the first drains, the second hurries, the third kills the process."""

from __future__ import annotations

import asyncio
import signal


class Stop:
    """A request to end, urgent when repeated."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.urgent = asyncio.Event()

    def ask(self) -> None:
        """Request the end."""
        if self.asked.is_set():
            self.urgent.set()
        self.asked.set()


def stop_on_signals() -> Stop:
    """Return a Stop that SIGTERM and SIGINT set."""
    stop = Stop()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)

    def ask() -> None:
        if stop.asked.is_set():
            for number in numbers:
                loop.remove_signal_handler(number)
        stop.ask()

    for number in numbers:
        loop.add_signal_handler(number, ask)
    return stop
