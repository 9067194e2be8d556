"""How commands print: for eyes on a terminal; in a pipe plain, and unwrapped, so that a line stays a line."""

from __future__ import annotations

import sys

from rich.console import Console

_PIPE_COLUMNS = 400


def printer() -> Console:
    """Make a console for standard output."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_COLUMNS)
