"""Exit statuses, and how a command ends with one."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import click

from consumer.settings import Settings
from consumer.source import SourceError
from runtime.settings.environment import unknown_variables
from runtime.settings.faults import ConfigurationError
from storage.errors import StorageError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILED, MISUSED, NO_SUCH_MEMO, ALREADY_ANSWERED = 1, 2, 3, 4


def end(message: str, status: int) -> NoReturn:
    """Say why on standard error, and exit."""
    click.echo(message, err=True)
    raise click.exceptions.Exit(status)


@contextmanager
def told() -> Iterator[None]:
    """Turn the errors that a person can act on into words and an exit status."""
    try:
        yield
    except ConfigurationError as error:
        hints = "".join(f"\n{fault}" for fault in unknown_variables(Settings, os.environ))
        end(f"These variables must be put right (see docs/configuration.md):\n{error}{hints}", MISUSED)
    except StoreUnavailable as error:
        end(f"voicememo: {error}; see STORE_URL", FAILED)
    except (SourceError, StorageError) as error:
        end(f"voicememo: {error}", FAILED)
