"""Errors that an operator can act on: what happened, and what to do next."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from console.exits import FAILED, MISUSED, exit_with
from consumer.kafka.ports import SourceError
from consumer.settings import Settings
from runtime.settings.environment import unknown_variables
from runtime.settings.faults import ConfigurationError
from storage.errors import ArchiveError, StorageError, StoreNotReady, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def exit_on_errors(*others: type[Exception]) -> Iterator[None]:
    """Turn such an error, or one of `others`, into a message on standard error and an exit status."""
    try:
        yield
    except ConfigurationError as error:
        hints = "".join(f"\n{fault}" for fault in unknown_variables(Settings, os.environ))
        exit_with(f"These variables must be put right (see docs/configuration.md):\n{error}{hints}", MISUSED)
    except StoreNotReady as error:
        exit_with(f"voicememo: {error}; see STORE_URL", FAILED)
    except StoreUnavailable as error:
        exit_with(f"voicememo: {error}; see STORE_URL, or try again if another process uses the store", FAILED)
    except ArchiveError as error:
        exit_with(f"voicememo: {error}; see ARCHIVE_URL, or try again", FAILED)
    except (SourceError, StorageError) as error:
        exit_with(f"voicememo: {error}", FAILED)
    except others as error:
        exit_with(f"voicememo: {error}", FAILED)
