"""Retention: finds items that are too old, never of an unsettled memo."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from storage.archive import KEYS_PER_PAGE, parse_key, safe_id
from storage.deletion.items import Deletion

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from storage.archive import Archive, ParsedKey
    from storage.ledger import Ledger, Story
    from storage.purging import Purging

DAY_SECONDS = 86_400.0
_PAGE = 500
_SHORTENED = re.compile(r"(.*-)?[0-9a-f]{12}")
"""An id that safe_id() changed, by which no memo is found."""
_AGAIN = re.compile(r"-[0-9]+\Z")


@dataclass(frozen=True, slots=True)
class Retention:
    """Finds old items; deletes nothing."""

    ledger: Ledger
    purging: Purging
    archive: Archive
    words_seconds: float
    """RETENTION_DAYS: of transcripts, recordings, dead letters."""
    rows_seconds: float
    """LEDGER_DAYS: of emptied rows."""
    clock: Callable[[], float] = field(default=time.time, repr=False)

    async def overdue(self, limit: int) -> list[Deletion]:
        """List at most `limit` old items: memos, then what has no memo, then emptied rows."""
        words, rows, purging = self.words_seconds, self.rows_seconds, self.purging
        found = [Deletion.of_memo(each) for each in await purging.settled(words, purged=False, limit=limit)]
        if room := limit - len(found):
            found += [Deletion.of_object(key) async for key in self._strays(room)]
        if room := limit - len(found):
            found += [Deletion.of_turns(key) for key in await purging.turns(words, limit=room)]
        if room := limit - len(found):
            found += [Deletion.of_dead_letter(each) for each in await purging.old_dead_letters(words, limit=room)]
        if room := limit - len(found):
            found += [Deletion.of_row(each.key) for each in await purging.settled(rows, purged=True, limit=room)]
        return found

    async def _strays(self, limit: int) -> AsyncIterator[str]:
        owners = ObjectOwners(self.ledger, self.purging)
        before, count = datetime.fromtimestamp(self.clock() - self.words_seconds, UTC), 0
        async for key, parsed in own_keys(self.archive):
            if parsed.at < before and not await owners.have(parsed):
                yield key
                count += 1
                if count == limit:
                    return


async def own_keys(archive: Archive, prefix: str = "") -> AsyncIterator[tuple[str, ParsedKey]]:
    """Yield the keys of recordings and replies."""
    after = ""
    while page := await archive.keys(prefix=prefix, after=after, limit=KEYS_PER_PAGE):
        for key in page:
            parsed = parse_key(key)
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


class ObjectOwners:
    """Finds the memos that own objects."""

    def __init__(self, ledger: Ledger, purging: Purging) -> None:
        self._ledger = ledger
        self._purging = purging
        self._changed: set[str] | None = None

    async def have(self, key: ParsedKey) -> bool:
        """Return whether a memo that is not emptied may own it."""
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


def _may_own(story: Story, key: ParsedKey) -> bool:
    sent_at = story.facts.get("sent_at")
    if story.purged_at is not None:
        return False
    return not isinstance(sent_at, str) or datetime.fromisoformat(sent_at).replace(microsecond=0) == key.at
