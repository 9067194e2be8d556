"""Logging in tests: a fixture's body that restores it, and the JSON lines that were written."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from runtime.logs import OUR_LOGGERS

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator


@contextmanager
def restored() -> Iterator[None]:
    """Undo what configure_logs() does to the process."""
    root = logging.getLogger()
    ours = [logging.getLogger(name) for name in OUR_LOGGERS]
    handlers, levels = list(root.handlers), [logger.level for logger in (root, *ours)]
    yield
    root.handlers[:] = handlers
    for logger, level in zip((root, *ours), levels, strict=True):
        logger.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """Return the JSON lines that were written."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]
