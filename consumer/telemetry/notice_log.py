"""The listener that logs notices."""

from __future__ import annotations

import logging
from dataclasses import fields
from typing import assert_never

from opentelemetry.trace import SpanContext, format_trace_id

from consumer import notices
from conversation.notices import RungFailed, RungServed, StageFailed, StageFinished
from storage.ledger import MemoKey, Place
from storage.states import State

_OUTCOME_LEVELS = {State.FAILED.value: logging.WARNING, State.DEAD.value: logging.ERROR}
_log = logging.getLogger("consumer.notices")


class NoticeLog:
    """Writes each notice as one line: its name as the event, its values as fields."""

    def __call__(self, notice: notices.Notice) -> None:
        """Log a notice."""
        level = level_of(notice)
        if _log.isEnabledFor(level):
            _log.log(level, notice.name, extra=_fields_of(notice))


def level_of(notice: notices.Notice) -> int:
    """Return the log level of a notice."""
    match notice:
        case StageFinished() | RungServed() | notices.EventPassed() | notices.OffsetsCommitted():
            level = logging.DEBUG
        case notices.MemoTaken() | notices.MemoReleased() | notices.PartitionsChanged() | notices.WorkerChanged():
            level = logging.INFO
        case StageFailed() | RungFailed() | notices.MemoParked() | notices.MemoFenced():
            level = logging.WARNING
        case notices.MemoSettled():
            level = _OUTCOME_LEVELS.get(notice.outcome, logging.INFO)
        case notices.EventBuried():
            level = logging.ERROR
        case _:
            assert_never(notice)
    return level


def _fields_of(notice: notices.Notice) -> dict[str, object]:
    names = [field.name for field in fields(notice) if field.repr or field.name == "trace"]
    return {key: value for name in names for key, value in _plain(name, getattr(notice, name)).items()}


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
