"""Notices: typed events of the flow, for logs, metrics and traces.

None carries words, sound, phone numbers or keys (I6).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Protocol


class Subject(Protocol):
    """Key of the message that a turn answers; hashable."""

    @property
    def chat_id(self) -> str:
        """Id of the chat."""

    @property
    def message_id(self) -> str:
        """Id in the chat."""


@dataclass(frozen=True, slots=True)
class StageFinished:
    """A stage, or an aside, ended well."""

    name: ClassVar[str] = "stage.finished"
    key: Subject
    stage: str
    seconds: float
    rung: str | None = None


@dataclass(frozen=True, slots=True)
class StageFailed:
    """A stage, or an aside, failed."""

    name: ClassVar[str] = "stage.failed"
    key: Subject
    stage: str
    seconds: float
    error: str
    """A constant word."""


@dataclass(frozen=True, slots=True)
class RungFailed:
    """A rung of a ladder failed, or the messenger refused a form of the reply."""

    name: ClassVar[str] = "rung.failed"
    key: Subject
    stage: str
    rung: str
    seconds: float
    error: str
    reported_after_seconds: float = field(default=0.0, repr=False)
    """How long ago: a ladder reports its rungs when it is done. For traces alone."""


@dataclass(frozen=True, slots=True)
class RungServed:
    """A rung of a ladder succeeded."""

    name: ClassVar[str] = "rung.served"
    key: Subject
    stage: str
    rung: str
    seconds: float
    reported_after_seconds: float = field(default=0.0, repr=False)
