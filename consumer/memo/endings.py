"""Ends of a memo other than its reply."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audio.clips import Line
    from consumer.memo.states import Delivered


class NotKept(Exception):
    """The reply is out, but the original is not kept (I5)."""

    reason = "not-kept"

    def __init__(self, delivered: Delivered) -> None:
        super().__init__(self.reason)
        self.delivered = delivered


class CannotAnswer(Exception):
    """A memo cannot be answered; `reason` is a constant word, `rung` that of the failing stage."""

    def __init__(self, reason: str, rung: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.rung = rung


class Apology(CannotAnswer):
    """A pre-written line is the reply."""

    def __init__(self, line: Line, reason: str, rung: str | None = None) -> None:
        super().__init__(reason, rung)
        self.line = line


class NoRecording(CannotAnswer):
    """The message has no recording."""

    def __init__(self) -> None:
        super().__init__("no-audio")
