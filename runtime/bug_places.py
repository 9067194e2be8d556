"""Frames of a bug, and a hash of them; not its message, which may repeat what a person said (I6)."""

from __future__ import annotations

import hashlib
import traceback


def bug_frames(bug: BaseException) -> list[str]:
    """Return a bug's frames, innermost last."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(bug.__traceback__)]


def bug_digest(bug: BaseException) -> str:
    """Return a hash of a bug's type and frames."""
    trace = "\n".join([type(bug).__name__, *bug_frames(bug)])
    return hashlib.sha256(trace.encode()).hexdigest()[:12]
