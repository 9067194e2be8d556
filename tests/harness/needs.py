"""What a test needs of the machine: a missing program skips it, and fails it in CI, where every proof is to run."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def missing(reason: object) -> NoReturn:
    """Skip the test, or fail it under CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing on this machine, and CI=true: {reason}")
    pytest.skip(str(reason))


def program(*names: str) -> str:
    """Return the path of the first of these programs that is installed; none is `missing`."""
    found = next(filter(None, map(shutil.which, names)), None)
    return found or missing(f"none of these programs is installed: {', '.join(names)}")
