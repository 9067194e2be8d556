"""Apology: why a memo gets a pre-written line instead of a reply."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audio.clips import Line
    from consumer.memo.states import Delivered


class NotKept(Exception):
    """The reply is out, and the original is not safe: the memo must not be settled (I5)."""

    reason = "not-kept"

    def __init__(self, delivered: Delivered) -> None:
        super().__init__(self.reason)
        self.delivered = delivered


class CannotAnswer(Exception):
    """A memo cannot be answered; `reason` is a constant word, `rung` the one of the stage that found out."""

    def __init__(self, reason: str, rung: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.rung = rung


class Apology(CannotAnswer):
    """The person will hear `line`."""

    def __init__(self, line: Line, reason: str, rung: str | None = None) -> None:
        super().__init__(reason, rung)
        self.line = line


class NoRecording(CannotAnswer):
    """The message has no recording: it was no voice memo."""

    def __init__(self) -> None:
        super().__init__("no-audio")
