"""Turn: the exchange that hearing, answering and speaking serve, and report to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from conversation.budget import Budget
    from providers.errors import Attempt


class Turn(Protocol):
    """One message and its reply, in progress."""

    @property
    def budget(self) -> Budget:
        """The time that is left."""

    @property
    def clock(self) -> Callable[[], float]:
        """What durations are measured by, in seconds."""

    def report_attempts(self, attempts: Iterable[Attempt]) -> None:
        """Report the rungs that a ladder has tried."""

    def report_part(self, name: str, seconds: float, rung: str | None, error: str | None) -> None:
        """Report one of many parts of a stage; `error` is a constant word."""
