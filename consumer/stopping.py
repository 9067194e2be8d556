"""Stop: how a worker is asked to end. Once: it drains. Twice: it hurries. A third signal ends the process as usual."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Stop:
    """A wish to end, and to end sooner."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._hurries: list[Callable[[], None]] = []

    def ask(self) -> None:
        """Ask for the end; when that is asked already, for a sooner one."""
        if self.asked.is_set():
            for hurry in self._hurries:
                hurry()
        self.asked.set()

    def on_hurry(self, hurry: Callable[[], None]) -> None:
        """Have this called when somebody asks for a sooner end."""
        self._hurries.append(hurry)


def stop_on_signals() -> Stop:
    """Give a Stop that SIGTERM and SIGINT ask for."""
    stop = Stop()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)

    def asked() -> None:
        if stop.asked.is_set():
            for number in numbers:
                loop.remove_signal_handler(number)
        stop.ask()

    for number in numbers:
        loop.add_signal_handler(number, asked)
    return stop
