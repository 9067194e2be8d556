"""Stop signals: the first drains the process, the second hurries it, the third kills it."""

from __future__ import annotations

import asyncio
import signal


class Stop:
    """A request to end, urgent when it is repeated."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.urgent = asyncio.Event()

    def ask(self) -> None:
        """Request the end."""
        if self.asked.is_set():
            self.urgent.set()
        self.asked.set()


def stop_on_signals() -> Stop:
    """Return a Stop that SIGTERM and SIGINT ask for."""
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
