"""Forgetting: finds everything of one person. In a chat of their own that is all of it; in a group what is theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consumer import disposal
from consumer.handles import comparable, who
from consumer.retention import Owners, all_memos, ours
from storage.archive import MEMO_PREFIX, REPLY_PREFIX, pseudonym, safe_id
from storage.ledger import MemoKey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from consumer.disposal import Doomed
    from storage.archive import Archive
    from storage.history import History
    from storage.ledger import DeadLetter, Ledger, Story
    from storage.purging import Purging

_LEAST_DIGITS = 7
"""A shorter number is too short to be looked for in other words."""

STAYS = (
    "what others said in groups, and our replies to them",
    "events that Kafka still has: KAFKA_TOPIC and KAFKA_DEAD_LETTER_TOPIC keep them for as long as they are set to",
    "the messages themselves, at the Series API or at Linq; and what the services that hear, answer and speak keep",
    "backups, and older versions of objects in a bucket that has versions",
    "what another machine's ARCHIVE_SPOOL owes: run this there too",
)
"""What is not ours to delete, or not from here."""


@dataclass(slots=True)
class _Traces:
    """What is known of a person while we look."""

    spellings: set[str]
    """Of their handle."""
    message_ids: set[str] = field(default_factory=set)
    """Of their memos, as keys in the archive have them."""


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Looks through ledger, history and archive for one person; deletes nothing."""

    ledger: Ledger
    purging: Purging
    history: History
    archive: Archive
    handle: str = field(repr=False)
    """Their phone number or other handle."""
    key: bytes = field(repr=False)
    """Secret behind pseudonyms."""

    @property
    def who(self) -> str:
        """Name them so that it tells nothing."""
        return who(self.handle, self.key)

    async def remember_to_forget(self) -> None:
        """Have the ledger settle what they sent before now, should its event come only later."""
        await self.purging.forget(self.who)

    async def found(self, limit: int) -> list[Doomed]:
        """List what is theirs, so many items at most: chat by chat, then what no memo knows of."""
        bare = comparable(self.handle)
        traces = _Traces({self.handle, bare, f"+{bare}"})
        found: list[Doomed] = []
        async for chat in self._chats():
            found += await self._in_chat(chat, traces)
            if len(found) >= limit:
                return found[:limit]
        named = {key for each in found for key in each.objects}
        async for key in self._objects(traces):
            if key not in named:
                found.append(disposal.thing(key))
            if len(found) >= limit:
                return found
        found += [disposal.letter(each) for each in await self._letters(limit)]
        return found[:limit]

    async def _letters(self, limit: int) -> list[DeadLetter]:
        """Find events that are no memo and name them; of a phone number the digits are looked for."""
        words = {comparable(self.handle), *(() if self.handle.startswith("+") else (self.handle,))}
        if not self._may_be_looked_for:
            return []
        found = [each for word in words for each in await self.purging.letters_with(word.encode(), limit=limit)]
        return list({each.event.place: each for each in found}.values())

    async def _chats(self) -> AsyncIterator[list[Story]]:
        """Give the memos of one chat after the other."""
        chat: list[Story] = []
        async for story in all_memos(self.purging):
            if chat and chat[0].key.chat_id != story.key.chat_id:
                yield chat
                chat = []
            chat.append(story)
        if chat:
            yield chat

    async def _in_chat(self, chat: Sequence[Story], traces: _Traces) -> list[Doomed]:
        """List what is theirs in a chat, and note what leads to more."""
        theirs, alone = self._theirs(chat)
        if not theirs:
            return []
        chat_id = chat[0].key.chat_id
        traces.message_ids |= {safe_id(story.key.message_id) for story in theirs}
        traces.spellings |= {person for story in theirs if (person := _person(story)) and self._is_them(person)}
        found = [disposal.memo(story) for story in theirs if story.purged_at is None]
        if alone and await self.history.recent(chat_id, limit=1):
            found.append(disposal.turns(MemoKey(chat_id, "")))
        # A key that tells the number cannot stay; their pseudonym keeps the memo from being answered again.
        found += [disposal.row(story.key) for story in theirs if self._tells(story.key)]
        return found

    def _theirs(self, chat: Sequence[Story]) -> tuple[Sequence[Story], bool]:
        """Give their memos of a chat, and whether all of it is theirs: nobody else is named in it, and it is no group.

        A memo may not say whose it is: in a chat of theirs it is theirs.
        """
        named = [story for story in chat if self._is_of_them(story) or self._tells(story.key)]
        keys = {story.key for story in named}
        others = any(_person(story) for story in chat if story.key not in keys)
        if not named or others or any(story.facts.get("group") is True for story in chat):
            return named, False
        return [story for story in chat if story.key in keys or story.purged_at is None], True

    def _is_of_them(self, story: Story) -> bool:
        return story.facts.get("who") == self.who or self._is_them(_person(story))

    def _is_them(self, person: str) -> bool:
        return bool(person) and comparable(person) == comparable(self.handle)

    def _tells(self, key: MemoKey) -> bool:
        """Whether a memo's own key tells who they are."""
        bare = comparable(self.handle)
        return self._may_be_looked_for and any(bare in part.casefold() for part in (key.chat_id, key.message_id))

    @property
    def _may_be_looked_for(self) -> bool:
        return len(comparable(self.handle)) >= _LEAST_DIGITS

    async def _objects(self, traces: _Traces) -> AsyncIterator[str]:
        """Name recordings under a name of theirs, and replies to their memos that are nobody else's."""
        spelt = traces.spellings
        users = {safe_id(each) for each in (*spelt, *(pseudonym(each, self.key) for each in spelt))}
        async for key, told in ours(self.archive, MEMO_PREFIX):
            if told.user in users:
                yield key
        owners = Owners(self.ledger, self.purging)
        async for key, told in ours(self.archive, REPLY_PREFIX):
            if {told.memo, told.memo.rpartition("-")[0]} & traces.message_ids and not await owners.have(told):
                yield key


def _person(story: Story) -> str:
    person = story.facts.get("person")
    return person if isinstance(person, str) else ""
