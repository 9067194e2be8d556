"""Retention: finds what is too old, never anything of an unsettled memo."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from storage.archive import PAGE, named, safe_id
from storage.deletion.items import Doomed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from storage.archive import Archive, Named
    from storage.ledger import Ledger, Story
    from storage.purging import Purging

DAY_SECONDS = 86_400.0
_PAGE = 500
_SHORTENED = re.compile(r"(.*-)?[0-9a-f]{12}")
"""An id that safe_id() has changed, by which no memo is found."""
_AGAIN = re.compile(r"-[0-9]+\Z")


@dataclass(frozen=True, slots=True)
class Retention:
    """Searches ledger, archive and history; deletes nothing."""

    ledger: Ledger
    purging: Purging
    archive: Archive
    words_seconds: float
    """RETENTION_DAYS, for transcripts, recordings and letters."""
    rows_seconds: float
    """LEDGER_DAYS, for empty rows."""
    clock: Callable[[], float] = field(default=time.time, repr=False)
    """Seconds since the epoch."""

    async def overdue(self, limit: int) -> list[Doomed]:
        """List what is too old, so many items at most: memos, then what has no memo, then empty rows."""
        words, rows = self.words_seconds, self.rows_seconds
        found = [Doomed.of_memo(each) for each in await self.purging.settled(words, purged=False, limit=limit)]
        if len(found) < limit:
            found += [Doomed.of_object(key) async for key in self._strays(limit - len(found))]
        if len(found) < limit:
            found += [Doomed.of_turns(key) for key in await self.purging.turns(words, limit=limit - len(found))]
        if len(found) < limit:
            found += [Doomed.of_letter(each) for each in await self.purging.letters(words, limit=limit - len(found))]
        if len(found) < limit:
            old = await self.purging.settled(rows, purged=True, limit=limit - len(found))
            found += [Doomed.of_row(each.key) for each in old]
        return found

    async def _strays(self, limit: int) -> AsyncIterator[str]:
        """Yield old objects that belong to no memo with contents."""
        owners = Owners(self.ledger, self.purging)
        before, count = datetime.fromtimestamp(self.clock() - self.words_seconds, UTC), 0
        async for key, parsed in ours(self.archive):
            if parsed.at < before and not await owners.have(parsed):
                yield key
                count += 1
                if count == limit:
                    return


async def ours(archive: Archive, prefix: str = "") -> AsyncIterator[tuple[str, Named]]:
    """Yield the keys of recordings and replies."""
    after = ""
    while page := await archive.keys(prefix=prefix, after=after, limit=PAGE):
        for key in page:
            parsed = named(key)
            if parsed is not None:
                yield key, parsed
        after = page[-1]


async def all_memos(purging: Purging) -> AsyncIterator[Story]:
    """Yield every memo, chat by chat."""
    after = None
    while page := await purging.memos(after=after, limit=_PAGE):
        for story in page:
            yield story
        after = page[-1].key


class Owners:
    """Memos that own objects of the archive."""

    def __init__(self, ledger: Ledger, purging: Purging) -> None:
        self._ledger = ledger
        self._purging = purging
        self._changed: set[str] | None = None
        """Ids that safe_id() has changed, as it writes them."""

    async def have(self, key: Named) -> bool:
        """Return whether a memo that was not emptied may own an object."""
        ids = {key.memo, _AGAIN.sub("", key.memo)}
        for message_id in ids:
            if any(_may_own(story, key) for story in await self._ledger.find(message_id)):
                return True
        if not any(_SHORTENED.fullmatch(each) for each in ids):
            return False
        return not ids.isdisjoint(await self._changed_ids())

    async def _changed_ids(self) -> set[str]:
        if self._changed is None:
            stories = [each async for each in all_memos(self._purging) if each.purged_at is None]
            names = {each.key.message_id: safe_id(each.key.message_id) for each in stories}
            self._changed = {safe for message_id, safe in names.items() if safe != message_id}
        return self._changed


def _may_own(story: Story, key: Named) -> bool:
    sent_at = story.facts.get("sent_at")
    if story.purged_at is not None:
        return False
    return not isinstance(sent_at, str) or datetime.fromisoformat(sent_at).replace(microsecond=0) == key.at
