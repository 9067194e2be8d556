"""Exit statuses of `voicememo`, and how a command ends with one."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

FAILED, MISUSED, NO_SUCH_MEMO, ALREADY_ANSWERED = 1, 2, 3, 4
INTERRUPTED: Final = 128 + signal.SIGINT
"""As shells expect it."""
MEANINGS: Final[Mapping[int, str]] = {
    0: "done",
    FAILED: "it failed",
    MISUSED: "wrong usage or configuration",
    NO_SUCH_MEMO: "no such memo",
    ALREADY_ANSWERED: "already answered",
    INTERRUPTED: "interrupted",
}


def exit_with(message: str, status: int) -> NoReturn:
    """Print a message on standard error, and exit."""
    click.echo(message, err=True)
    raise click.exceptions.Exit(status)
