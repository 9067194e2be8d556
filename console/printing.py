"""How commands print: for eyes on a terminal; in a pipe plain, and unwrapped, so that a line stays a line."""

from __future__ import annotations

import re
import sys
from typing import IO, cast

from rich.console import Console

_PIPE_COLUMNS = 400
_BLANKS = re.compile(r" +(?=\n)")


class _Trimmed:
    """Standard output without the blanks that tables leave at the ends of lines."""

    def write(self, text: str) -> int:
        return sys.stdout.write(_BLANKS.sub("", text))

    def flush(self) -> None:
        sys.stdout.flush()


def printer() -> Console:
    """Make a console for standard output."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, width=_PIPE_COLUMNS, file=cast("IO[str]", _Trimmed()))
