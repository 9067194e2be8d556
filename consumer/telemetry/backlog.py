"""Backlog for metrics and alerts: waiting memos and uploads."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING

from storage.archives.spool import SpoolSize
from storage.errors import ArchiveUnavailable, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from storage.archives.retrying import RetryingArchive
    from storage.ledger import Ledger, Story

_LOOK_SECONDS = 60.0
_MOST = 200
"""Memos counted: alerts need no more."""
_KEPT_LATER = "not-kept"
"""Reason of a memo with a reply, parked until its recording is archived."""

log = logging.getLogger(__name__)


class Backlog:
    """Counts what waits, once a minute."""

    def __init__(self, ledger: Ledger, archive: RetryingArchive, *, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._archive = archive
        self._clock = clock
        self.memos: Counter[str] = Counter(parked=0, failed=0, dead=0, interrupted=0)
        self.oldest_parked_seconds = 0.0
        """Age of the oldest parked memo without a reply."""
        self.owed = SpoolSize(0, 0)

    async def run(self) -> None:
        """Count until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Count once; what cannot be read keeps its value."""
        try:
            self.owed = await self._archive.pending()
        except ArchiveUnavailable:
            log.warning("backlog.no_spool")
        try:
            self._count(await self._ledger.waiting(limit=_MOST))
        except StoreUnavailable:
            log.warning("backlog.store_away")

    def _count(self, stories: Sequence[Story]) -> None:
        self.memos = Counter(dict.fromkeys(self.memos, 0))
        self.memos.update(map(_standing, stories))
        parked = [story.received_at for story in stories if story.due_at is not None and story.reason != _KEPT_LATER]
        self.oldest_parked_seconds = max(0.0, self._clock() - min(parked)) if parked else 0.0


def _standing(story: Story) -> str:
    """Return the state of a memo as `voicememo failed` names it."""
    if story.due_at is not None:
        return "parked"
    return story.state.value if story.state.settled else "interrupted"
