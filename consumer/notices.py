"""Notices: typed events of the flow, without anything personal (I6), for logs, metrics and traces."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from conversation.notices import RungFailed, RungServed, StageFailed, StageFinished

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import SpanContext

    from storage.ledger import MemoKey, Place


@dataclass(frozen=True, slots=True)
class MemoTaken:
    """A worker has claimed a memo."""

    name: ClassVar[str] = "memo.taken"
    key: MemoKey
    fence: int
    place: Place | None = None
    trace: SpanContext | None = field(default=None, repr=False)  # to continue


@dataclass(frozen=True, slots=True)
class MemoSettled:
    """A memo has ended."""

    name: ClassVar[str] = "memo.settled"
    key: MemoKey
    outcome: str  # a settled state
    reason: str | None
    form: str | None  # of the reply: voice or text
    seconds: float  # since it was taken
    written: bool = False  # whether it was a text message


@dataclass(frozen=True, slots=True)
class MemoParked:
    """A memo waits for another try."""

    name: ClassVar[str] = "memo.parked"
    key: MemoKey
    reason: str
    seconds: float  # until the next try
    tries: int


@dataclass(frozen=True, slots=True)
class MemoFenced:
    """A lease was lost before its memo was done."""

    name: ClassVar[str] = "memo.fenced"
    key: MemoKey
    fence: int


@dataclass(frozen=True, slots=True)
class MemoReleased:
    """A memo was released before its end."""

    name: ClassVar[str] = "memo.released"
    key: MemoKey
    fence: int
    reason: str  # cancelled (the worker stops, or the partition was revoked), or store-away


@dataclass(frozen=True, slots=True)
class EventPassed:
    """An event needed no work."""

    name: ClassVar[str] = "event.passed"
    reason: str


@dataclass(frozen=True, slots=True)
class EventBuried:
    """A dead letter was written to the ledger."""

    name: ClassVar[str] = "event.buried"
    topic: str
    partition: int
    offset: int
    reason: str


@dataclass(frozen=True, slots=True)
class OffsetsCommitted:
    """Offsets were committed."""

    name: ClassVar[str] = "offsets.committed"
    partitions: int


@dataclass(frozen=True, slots=True)
class PartitionsChanged:
    """Partitions were assigned or revoked."""

    name: ClassVar[str] = "partitions.changed"
    partitions: int  # assigned now


@dataclass(frozen=True, slots=True)
class WorkerChanged:
    """The worker has entered a phase: joining, polling, draining, stopped."""

    name: ClassVar[str] = "worker.changed"
    phase: str


Notice: TypeAlias = (
    MemoTaken
    | StageFinished
    | StageFailed
    | RungFailed
    | RungServed
    | MemoSettled
    | MemoParked
    | MemoFenced
    | MemoReleased
    | EventPassed
    | EventBuried
    | OffsetsCommitted
    | PartitionsChanged
    | WorkerChanged
)
Listener: TypeAlias = "Callable[[Notice], None]"


class Notices:
    """Calls the listeners in order; they must neither block nor raise."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def __call__(self, notice: Notice) -> None:
        """Call each listener."""
        for listener in self._listeners:
            listener(notice)
