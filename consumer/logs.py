"""Logs: set up once; people's lines on a terminal, JSON lines elsewhere; and the listener that writes notices down.

Everything goes through the standard library's logging, our own lines and the libraries' (these from WARNING on), and
leaves through one handler that renders with structlog after redaction. An exception is told by its type and by where it
happened: its text may repeat what a person said (I6).
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, assert_never

import structlog
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name

from consumer.bugs import where
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
    RungFailed,
    RungServed,
    StageFailed,
    StageFinished,
    WorkerChanged,
)
from consumer.redaction import Redactor
from consumer.traces.context import TraceContext
from storage.ledger import MemoKey, Place, State

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import TextIO

    from structlog.typing import EventDict, Processor, WrappedLogger

    from consumer.notices import Notice

OUR_LOGGERS = ("audio", "runtime", "providers", "storage", "consumer", "console", "sandbox")

_OUTCOME_LEVELS = {State.FAILED.value: logging.WARNING, State.DEAD.value: logging.ERROR}
_notices = logging.getLogger("consumer.notices")


class NoticeLog:
    """Writes each notice as one line: its name as the event, its values as fields."""

    def __call__(self, notice: Notice) -> None:
        """Write a notice down."""
        level = level_of(notice)
        if _notices.isEnabledFor(level):
            _notices.log(level, notice.name, extra=_fields_of(notice))


def level_of(notice: Notice) -> int:
    """Say how much a notice matters."""
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


def configure_logs(
    log_format: Literal["auto", "human", "json"],
    level: str,
    stream: TextIO,
    *,
    secrets: Collection[str] = (),
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Set logging up for the whole process; again, with other wishes, replaces what was set up before.

    Args:
        log_format: auto is human where the stream is a terminal, else json.
        level: the least of our own lines, as logging names it; libraries are heard from WARNING on.
        stream: where the lines go.
        secrets: what must not be seen, whoever writes it.
        environ: where NO_COLOR is looked up (no-color.org).
    """
    terminal = stream.isatty()
    human = log_format == "human" or (log_format == "auto" and terminal)
    render: Processor
    if human:
        render = structlog.dev.ConsoleRenderer(colors=terminal and not environ.get("NO_COLOR"), sort_keys=False)
    else:
        render = structlog.processors.JSONRenderer()
    handler = _OneHandler(stream)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[ExtraAdder(), add_log_level, add_logger_name],
            processors=[_Tidy(Redactor(secrets)), render],
        )
    )
    _install(handler, level)


class _OneHandler(logging.StreamHandler["TextIO"]):
    """The one way out. Of a line that cannot be written only that is told: its arguments are nobody's business."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the name is logging's)
        """Say whose line was lost; should even that fail, the stream is gone."""
        lost = {"name": record.name, "levelno": record.levelno, "levelname": record.levelname, "msg": "log.unwritable"}
        with suppress(OSError, ValueError):
            self.stream.write(self.format(logging.makeLogRecord(lost)) + self.terminator)


class _Tidy:
    """Makes an event fit to be rendered: ordered, plain, redacted; an exception becomes its type and its place."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        record: logging.LogRecord = event.pop("_record")
        del event["_from_structlog"]
        first_line = str(event.pop("event")).partition("\n")[0]
        tidy: dict[str, object] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": event.pop("level", record.levelname.lower()),
            "logger": event.pop("logger", record.name),
            "event": self._redactor.text(first_line),
        }
        for left_by_others in ("message", "asctime", "stack_info"):  # formatters leave the first two on the record
            event.pop(left_by_others, None)
        bug = _exception(event.pop("exc_info", None))
        if bug is not None:
            tidy |= {"error": type(bug).__name__, "where": where(bug)}
        return tidy | {name: self._redactor.field(name, event[name]) for name in event if name not in tidy}


def _install(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    for earlier in [known for known in root.handlers if isinstance(known, _OneHandler)]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    for name in OUR_LOGGERS:
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(capture=True)
    # Nobody here logs through structlog itself; a library that does comes out at the same place.
    structlog.configure(
        processors=[add_log_level, add_logger_name, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _exception(exc_info: object) -> BaseException | None:
    match exc_info:
        case BaseException() as bug:
            return bug
        case (_, BaseException() as bug, _):
            return bug
        case True:
            return sys.exc_info()[1]
        case _:
            return None


def _fields_of(notice: Notice) -> dict[str, object]:
    """Give a notice's values as fields, without those that are not there."""
    found: dict[str, object] = {}
    for each in (each for each in fields(notice) if each.repr):
        value = getattr(notice, each.name)
        if isinstance(value, MemoKey):
            found |= {"chat_id": value.chat_id, "message_id": value.message_id}
        elif isinstance(value, Place):
            found |= {"topic": value.topic, "partition": value.partition, "offset": value.offset}
        elif isinstance(value, TraceContext):
            found["trace_id"] = value.trace
        elif isinstance(value, float):
            found[each.name] = round(value, 3)
        elif value is not None:
            found[each.name] = value
    return found
