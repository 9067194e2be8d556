"""Retention: finds what is older than it may be kept. Nothing of a memo that is not settled is ever among it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from consumer import disposal
from storage.archive import PAGE, named, safe_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from consumer.disposal import Doomed
    from storage.archive import Archive, Named
    from storage.ledger import Ledger, Story
    from storage.purging import Purging

DAY_SECONDS = 86_400.0
_PAGE = 500
_SHORTENED = re.compile(r"(.*-)?[0-9a-f]{12}")
"""How an id ends that safe_id() has changed, so that the memo cannot be asked for by it."""
_AGAIN = re.compile(r"-[0-9]+\Z")


@dataclass(frozen=True, slots=True)
class Retention:
    """Looks through ledger, archive and history; deletes nothing."""

    ledger: Ledger
    purging: Purging
    archive: Archive
    words_seconds: float
    """How long words, recordings and letters are kept, in seconds (RETENTION_DAYS)."""
    rows_seconds: float
    """How long empty rows are, in seconds (LEDGER_DAYS)."""
    clock: Callable[[], float] = field(default=time.time, repr=False)
    """By which recordings are old that no memo knows of, in seconds since the epoch."""

    async def overdue(self, limit: int) -> list[Doomed]:
        """List what is too old, so many items at most; memos first, then what no memo knows of, then empty rows."""
        words, rows = self.words_seconds, self.rows_seconds
        found = [disposal.memo(each) for each in await self.purging.settled(words, purged=False, limit=limit)]
        if len(found) < limit:
            found += [disposal.thing(key) async for key in self._strays(limit - len(found))]
        if len(found) < limit:
            found += [disposal.turns(key) for key in await self.purging.turns(words, limit=limit - len(found))]
        if len(found) < limit:
            found += [disposal.letter(each) for each in await self.purging.letters(words, limit=limit - len(found))]
        if len(found) < limit:
            old = await self.purging.settled(rows, purged=True, limit=limit - len(found))
            found += [disposal.row(each.key) for each in old]
        return found

    async def _strays(self, limit: int) -> AsyncIterator[str]:
        """Name old recordings and replies that belong to no memo that the ledger still knows the words of."""
        owners = Owners(self.ledger, self.purging)
        before, count = datetime.fromtimestamp(self.clock() - self.words_seconds, UTC), 0
        async for key, told in ours(self.archive):
            if told.at < before and not await owners.have(told):
                yield key
                count += 1
                if count == limit:
                    return


async def ours(archive: Archive, prefix: str = "") -> AsyncIterator[tuple[str, Named]]:
    """Give the keys of recordings and replies, page by page; what others keep in the same place is passed over."""
    after = ""
    while page := await archive.keys(prefix=prefix, after=after, limit=PAGE):
        for key in page:
            told = named(key)
            if told is not None:
                yield key, told
        after = page[-1]


async def all_memos(purging: Purging) -> AsyncIterator[Story]:
    """Tell of every memo, chat by chat."""
    after = None
    while page := await purging.memos(after=after, limit=_PAGE):
        for story in page:
            yield story
        after = page[-1].key


class Owners:
    """Whose the objects of the archive are, as far as the ledger knows."""

    def __init__(self, ledger: Ledger, purging: Purging) -> None:
        self._ledger = ledger
        self._purging = purging
        self._changed: set[str] | None = None
        """Ids that safe_id() has changed, as it gives them."""

    async def have(self, told: Named) -> bool:
        """Whether a memo that was not emptied may own an object: then it is deleted with that memo."""
        ids = {told.memo, _AGAIN.sub("", told.memo)}
        for message_id in ids:
            if any(_may_own(story, told) for story in await self._ledger.find(message_id)):
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


def _may_own(story: Story, told: Named) -> bool:
    """Whether a memo with that id has its words yet, and was sent when the key says."""
    sent_at = story.facts.get("sent_at")
    if story.purged_at is not None:
        return False
    return not isinstance(sent_at, str) or datetime.fromisoformat(sent_at).replace(microsecond=0) == told.at
