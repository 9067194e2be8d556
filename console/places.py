"""Files and folders that are not there yet: can they be made? Learnt without making them."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def why_not_makeable(path: Path) -> str | None:
    """Say why nothing can be made at a path; None where it can: a file without a name was opened as near as could be.

    A system that has no files without a name makes one with a name, and removes it.
    """
    try:
        nearest = next(each for each in path.absolute().parents if each.exists())
        with tempfile.TemporaryFile(dir=nearest):
            return None
    except OSError as error:
        return os.strerror(error.errno) if error.errno else type(error).__name__
