"""Logging of a process: rows for people on a terminal, JSON lines elsewhere, all redacted.

Of an exception only type and place are logged: its text may repeat what a person said (I6).
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

import structlog
from structlog.dev import BRIGHT, DIM, RED, RESET_ALL, YELLOW
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name

from runtime.bug_places import bug_frames
from runtime.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from typing import TextIO

    from structlog.typing import EventDict, Processor, WrappedLogger

OUR_LOGGERS = ("audio", "runtime", "providers", "storage", "conversation", "consumer", "console", "sandbox")

_WORDS = ("phase", "stage", "rung", "outcome", "form", "error", "reason")
"""Fields that are never left out of a row, by their values alone, in this order."""
_RANKS = {"seconds": 0, "message_id": 1, "chat_id": 2, "topic": 9, "trace_id": 9}
"""Order of a row's other fields; those not named here have _OTHERS."""
_OTHERS: Final = 5
_IDS = frozenset({"chat_id", "message_id"})
_LONGEST_ID: Final = 12
_ID_START: Final = 8
_COLOURS = {"warning": YELLOW, "error": RED, "critical": RED}


def configure_logs(
    log_format: Literal["auto", "human", "json"],
    level: str,
    stream: TextIO,
    *,
    secrets: Collection[str] = (),
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Set up logging for the whole process, in place of any earlier setup.

    Args:
        log_format: auto is human where the stream is a terminal, else json.
        level: of our own loggers; libraries log from WARNING on.
        stream: where the lines go.
        secrets: to be masked.
        environ: may have NO_COLOR (no-color.org).
    """
    terminal = stream.isatty()
    render: Processor
    if log_format == "human" or (log_format == "auto" and terminal):
        columns = shutil.get_terminal_size().columns if terminal else None
        render = _HumanRow(columns, coloured=terminal and not environ.get("NO_COLOR"))
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
    """The process's only handler; of a line that cannot be written it reports no arguments."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the name is logging's)
        lost = {"name": record.name, "levelno": record.levelno, "levelname": record.levelname, "msg": "log.unwritable"}
        with suppress(OSError, ValueError):
            self.stream.write(self.format(logging.makeLogRecord(lost)) + self.terminator)


class _Tidy:
    """Orders, flattens and redacts an event; an exception becomes its type and place."""

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
            tidy |= {"error": type(bug).__name__, "where": bug_frames(bug)}
        return tidy | {name: self._redactor.field(name, event[name]) for name in event if name not in tidy}


class _HumanRow:
    """Renders a row for people: UTC time of day, level from WARNING on, event, fields as far as they fit."""

    def __init__(self, columns: int | None, *, coloured: bool) -> None:
        self._columns = columns
        self._coloured = coloured

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> str:
        time, level, logger, name = (str(event.pop(key)) for key in ("timestamp", "level", "logger", "event"))
        frames = event.pop("where", None)
        time, name = time[11:19], f"{level} {name}" if level in _COLOURS else name
        cells = [] if logger.partition(".")[0] in OUR_LOGGERS else [f"[{logger}]"]
        cells += [str(event.pop(word)) for word in _WORDS if event.get(word) is not None]
        cells += self._fitting(event, used=len(" ".join([time, name, *cells])))
        if self._coloured:
            time, name = f"{DIM}{time}{RESET_ALL}", f"{_COLOURS.get(level, BRIGHT)}{name}{RESET_ALL}"
        row = " ".join([time, name, *cells])
        return "\n    ".join([row, *frames] if isinstance(frames, list) else [row])

    def _fitting(self, fields: EventDict, *, used: int) -> Iterator[str]:
        for name in sorted(fields, key=lambda name: _RANKS.get(name, _OTHERS)):
            cell = self._cell(name, str(fields[name]))
            if fields[name] is not None and (self._columns is None or used + 1 + len(cell) <= self._columns):
                used += 1 + len(cell)
                yield cell

    def _cell(self, name: str, text: str) -> str:
        if name == "seconds":
            return f"{text}s"
        if name in _IDS:
            return f"{text[:_ID_START]}…" if self._columns and len(text) > _LONGEST_ID else text
        return f"{name}={text}"


def _install(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    for earlier in [known for known in root.handlers if isinstance(known, _OneHandler)]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    for name in OUR_LOGGERS:
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(capture=True)
    # We do not log through structlog ourselves; a library that does uses the same handler.
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
