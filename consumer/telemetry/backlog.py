"""Backlog for metrics and alerts: waiting memos, and uploads owed to the archive."""

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
"""Memos counted: alerts need to know that many wait, not how many."""
_KEPT_LATER = "not-kept"
"""Reason of a parked memo whose reply is out and whose recording is not archived."""

log = logging.getLogger(__name__)


class Backlog:
    """Counts what waits, once a minute; the clock returns Unix seconds."""

    def __init__(self, ledger: Ledger, archive: RetryingArchive, *, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._archive = archive
        self._clock = clock
        self.memos: Counter[str] = Counter(parked=0, failed=0, dead=0, interrupted=0)
        """State → memos, as last counted."""
        self.oldest_parked_seconds = 0.0
        """Since the oldest parked memo without a reply was received."""
        self.owed = SpoolSize(0, 0)

    async def run(self) -> None:
        """Count until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Count once; what cannot be read keeps its last value."""
        try:
            self.owed = await self._archive.pending()
        except ArchiveUnavailable:
            log.warning("backlog.no_spool")
        try:
            self._see(await self._ledger.waiting(limit=_MOST))
        except StoreUnavailable:
            log.warning("backlog.store_away")

    def _see(self, stories: Sequence[Story]) -> None:
        memos: Counter[str] = Counter(dict.fromkeys(self.memos, 0))
        memos.update(map(_standing, stories))
        self.memos = memos
        parked = [story.received_at for story in stories if story.due_at is not None and story.reason != _KEPT_LATER]
        self.oldest_parked_seconds = max(0.0, self._clock() - min(parked)) if parked else 0.0


def _standing(story: Story) -> str:
    """Return the state of a memo as `voicememo failed` names it."""
    if story.due_at is not None:
        return "parked"
    return story.state.value if story.state.settled else "interrupted"
