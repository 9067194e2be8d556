"""What happened, as typed values. The flow emits them; logs, metrics, ledger steps and the console listen.

A notice's `name` is subject + past verb. No notice carries words, sound, phone numbers or keys (I6).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import SpanContext

    from storage.ledger import MemoKey, Place


@dataclass(frozen=True, slots=True)
class MemoTaken:
    """A worker has claimed a memo and begins (again)."""

    name: ClassVar[str] = "memo.taken"
    key: MemoKey
    fence: int
    place: Place | None = None
    """Where its event stands; None when nobody knows any more."""
    trace: SpanContext | None = field(default=None, repr=False)
    """Whose work this goes on with, as the event's headers say."""


@dataclass(frozen=True, slots=True)
class StageFinished:
    """A stage, or an aside, ended well."""

    name: ClassVar[str] = "stage.finished"
    key: MemoKey
    stage: str
    seconds: float
    rung: str | None = None


@dataclass(frozen=True, slots=True)
class StageFailed:
    """A stage, or an aside, did not end well; what follows is the pipeline's to decide."""

    name: ClassVar[str] = "stage.failed"
    key: MemoKey
    stage: str
    seconds: float
    error: str
    """A constant word."""


@dataclass(frozen=True, slots=True)
class RungFailed:
    """A rung of a ladder fell, or the Series API refused a form of the reply; the next one is tried."""

    name: ClassVar[str] = "rung.failed"
    key: MemoKey
    stage: str
    rung: str
    seconds: float
    error: str
    told_after_seconds: float = field(default=0.0, repr=False)
    """How long ago that was: a ladder tells of its rungs when it is done. For those who draw times, and not told on."""


@dataclass(frozen=True, slots=True)
class RungServed:
    """A rung of a ladder gave what was asked for."""

    name: ClassVar[str] = "rung.served"
    key: MemoKey
    stage: str
    rung: str
    seconds: float
    told_after_seconds: float = field(default=0.0, repr=False)
    """As of RungFailed."""


@dataclass(frozen=True, slots=True)
class MemoSettled:
    """A memo has come to its end."""

    name: ClassVar[str] = "memo.settled"
    key: MemoKey
    outcome: str
    """answered, apologised, failed or dead."""
    reason: str | None
    form: str | None
    """voice or text, when a reply went out."""
    seconds: float
    """From the moment it was taken."""
    written: bool = False
    """Whether it was a text message, which a text answers."""


@dataclass(frozen=True, slots=True)
class MemoParked:
    """A memo waits in the ledger for another try; its chat waits with it."""

    name: ClassVar[str] = "memo.parked"
    key: MemoKey
    reason: str
    seconds: float
    """Until it is tried again."""
    tries: int
    """How often it was tried so far."""


@dataclass(frozen=True, slots=True)
class MemoFenced:
    """A memo was lost to another holder, or its lease ran out, before we were done with it."""

    name: ClassVar[str] = "memo.fenced"
    key: MemoKey
    fence: int


@dataclass(frozen=True, slots=True)
class MemoReleased:
    """A memo was let go of before its end, for somebody to take it again."""

    name: ClassVar[str] = "memo.released"
    key: MemoKey
    fence: int
    reason: str
    """A constant word: cancelled (the worker stops, or its partition is another's), or store-away."""


@dataclass(frozen=True, slots=True)
class EventPassed:
    """An event needed no work: not for us, or settled before."""

    name: ClassVar[str] = "event.passed"
    reason: str


@dataclass(frozen=True, slots=True)
class EventBuried:
    """A dead letter is in the ledger; the outbox copies it to the topic."""

    name: ClassVar[str] = "event.buried"
    topic: str
    partition: int
    offset: int
    reason: str


@dataclass(frozen=True, slots=True)
class OffsetsCommitted:
    """The finished prefix of some partitions is committed."""

    name: ClassVar[str] = "offsets.committed"
    partitions: int


@dataclass(frozen=True, slots=True)
class PartitionsChanged:
    """The group has given us partitions, or taken some."""

    name: ClassVar[str] = "partitions.changed"
    partitions: int
    """How many are ours now."""


@dataclass(frozen=True, slots=True)
class WorkerChanged:
    """The worker joins its group, polls, drains or has stopped."""

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
    """Tells each listener of each notice, in order. A listener must neither block nor raise."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = list(listeners)

    def subscribe(self, listener: Listener) -> None:
        """Add a listener."""
        self._listeners.append(listener)

    def __call__(self, notice: Notice) -> None:
        """Tell everybody."""
        for listener in self._listeners:
            listener(notice)
