"""Apology: why a memo gets a pre-written line instead of a reply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.progress import CannotAnswer

if TYPE_CHECKING:
    from audio.clips import Line


class Apology(CannotAnswer):
    """The person will hear `line`."""

    def __init__(self, line: Line, reason: str, rung: str | None = None) -> None:
        super().__init__(reason, rung)
        self.line = line
