"""Backlog: what waits, for metrics and alerts: memos in the ledger, and uploads that the archive is owed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING

from storage.errors import ArchiveUnavailable, StoreUnavailable
from storage.spool import Owed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from storage.ledger import Ledger, Story
    from storage.owed import OwedArchive

_LOOK_SECONDS = 60.0
_MOST = 200
"""Memos that are looked at: alerts need to know that many wait, not how many."""
_KEPT_LATER = "not-kept"
"""Why a memo is parked whose reply is out, and whose recording the archive is still to take."""

log = logging.getLogger(__name__)


class Backlog:
    """Looks once a minute; what it saw last stands in its attributes.

    Args:
        ledger: whose memos may wait.
        archive: who may be owed uploads.
        clock: gives Unix seconds.
    """

    def __init__(self, ledger: Ledger, archive: OwedArchive, *, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._archive = archive
        self._clock = clock
        self.memos: Counter[str] = Counter(parked=0, failed=0, dead=0, interrupted=0)
        """State → memos."""
        self.oldest_parked_seconds = 0.0
        """Since the oldest parked memo was received, of those whose reply is not out."""
        self.owed = Owed(0, 0)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Look once; what cannot be seen now stays as it was."""
        try:
            self.owed = await self._archive.owed()
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
    """Say how a memo stands, in the words of `voicememo failed`."""
    if story.due_at is not None:
        return "parked"
    return story.state.value if story.state.settled else "interrupted"
