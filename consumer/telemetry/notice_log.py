"""The listener that logs notices."""

from __future__ import annotations

import logging
from dataclasses import fields
from typing import TYPE_CHECKING, assert_never

from opentelemetry.trace import SpanContext, format_trace_id

from consumer.notices import (
    EventBuried,
    EventPassed,
    MemoFenced,
    MemoParked,
    MemoReleased,
    MemoSettled,
    MemoTaken,
    OffsetsCommitted,
    PartitionsChanged,
    WorkerChanged,
)
from conversation.notices import RungFailed, RungServed, StageFailed, StageFinished
from storage.ledger import MemoKey, Place
from storage.states import State

if TYPE_CHECKING:
    from consumer.notices import Notice

_OUTCOME_LEVELS = {State.FAILED.value: logging.WARNING, State.DEAD.value: logging.ERROR}
_notices = logging.getLogger("consumer.notices")


class NoticeLog:
    """Writes each notice as one line: its name as the event, its values as fields."""

    def __call__(self, notice: Notice) -> None:
        """Log a notice."""
        level = level_of(notice)
        if _notices.isEnabledFor(level):
            _notices.log(level, notice.name, extra=_fields_of(notice))


def level_of(notice: Notice) -> int:
    """Return the log level of a notice."""
    match notice:
        case StageFinished() | RungServed() | EventPassed() | OffsetsCommitted():
            level = logging.DEBUG
        case MemoTaken() | MemoReleased() | PartitionsChanged() | WorkerChanged():
            level = logging.INFO
        case StageFailed() | RungFailed() | MemoParked() | MemoFenced():
            level = logging.WARNING
        case MemoSettled():
            level = _OUTCOME_LEVELS.get(notice.outcome, logging.INFO)
        case EventBuried():
            level = logging.ERROR
        case _:
            assert_never(notice)
    return level


def _fields_of(notice: Notice) -> dict[str, object]:
    logged: dict[str, object] = {}
    for field in fields(notice):
        if field.repr or field.name == "trace":
            logged |= _plain(field.name, getattr(notice, field.name))
    return logged


def _plain(name: str, value: object) -> dict[str, object]:
    match value:
        case None:
            return {}
        case MemoKey():
            return {"chat_id": value.chat_id, "message_id": value.message_id}
        case Place():
            return {"topic": value.topic, "partition": value.partition, "offset": value.offset}
        case SpanContext():
            return {"trace_id": format_trace_id(value.trace_id)}
        case float():
            return {name: round(value, 3)}
        case _:
            return {name: value}
