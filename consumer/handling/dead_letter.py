"""Dead letters of memos that ended without a proper reply."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from storage.ledger import DeadLetter
from storage.states import State

if TYPE_CHECKING:
    from consumer.memo.progress import Progress
    from storage.ledger import Event

_NOTHING_LOST = frozenset({"silence", "no-words"})
"""Reasons of memos with nothing to answer."""


def dead_letter_of(progress: Progress, event: Event | None, state: State, reason: str | None) -> DeadLetter | None:
    """Build a memo's dead letter; None if it needs none, or its event is not kept."""
    if event is None or reason is None or state is State.IGNORED or reason in _NOTHING_LOST:
        return None
    claim = progress.claim
    first_at = time.time() - claim.age_seconds
    stage, tries = failed_stage(progress), claim.tries + 1
    return DeadLetter(event, reason, stage, claim.key, tries, progress.bug, first_at, fence=claim.fence)


def failed_stage(progress: Progress) -> str:
    """Return the last stage that failed."""
    return next((step.stage for step in reversed(progress.steps) if step.error and step.rung is None), "unknown")
