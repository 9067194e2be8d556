"""Forgetting: finds everything of one person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from storage.archive import MEMO_PREFIX, REPLY_PREFIX, safe_id
from storage.deletion.items import Deletion
from storage.deletion.retention import ObjectOwners, all_memos, own_keys
from storage.ledger import MemoKey
from storage.people import normalized_handle, person_pseudonym, pseudonym

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from storage.archive import Archive
    from storage.history import History
    from storage.ledger import DeadLetter, Ledger, Story
    from storage.purging import Purging

_LEAST_DIGITS = 7

NOT_DELETED = (
    "what others said in groups, and our replies to them",
    "events that Kafka still has: KAFKA_TOPIC and KAFKA_DEAD_LETTER_TOPIC keep them for as long as they are set to",
    "the messages themselves, at the Series API or at Linq; and what the services that hear, answer and speak keep",
    "backups, and older versions of objects in a bucket that has versions",
    "what another machine's ARCHIVE_SPOOL owes: run this there too",
)


@dataclass(slots=True)
class _Traces:
    spellings: set[str]
    message_ids: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Finds the items of one person; deletes nothing."""

    ledger: Ledger
    purging: Purging
    history: History
    archive: Archive
    handle: str = field(repr=False)
    key: bytes = field(repr=False)
    """Secret of the pseudonyms."""

    @property
    def who(self) -> str:
        """The pseudonym."""
        return person_pseudonym(self.handle, self.key)

    async def block_late_events(self) -> None:
        """Have the ledger settle memos that were sent before now and come later."""
        await self.purging.forget(self.who)

    async def items(self, limit: int) -> list[Deletion]:
        """List their items: chat by chat, then what has no memo."""
        traces = _Traces({self.handle, self._bare, f"+{self._bare}"})
        found: list[Deletion] = []
        async for chat in self._chats():
            found += await self._in_chat(chat, traces)
            if len(found) >= limit:
                return found[:limit]
        of_memos = {key for each in found for key in each.objects}
        async for key in self._objects(traces):
            if key not in of_memos:
                found.append(Deletion.of_object(key))
            if len(found) >= limit:
                return found
        found += [Deletion.of_dead_letter(each) for each in await self._letters(limit)]
        return found[:limit]

    async def _letters(self, limit: int) -> list[DeadLetter]:
        if not self._is_searchable:
            return []
        words = {self._bare} if self.handle.startswith("+") else {self._bare, self.handle}
        found = [each for word in words for each in await self.purging.dead_letters_with(word.encode(), limit=limit)]
        return list({each.event.place: each for each in found}.values())

    async def _chats(self) -> AsyncIterator[list[Story]]:
        chat: list[Story] = []
        async for story in all_memos(self.purging):
            if chat and chat[0].key.chat_id != story.key.chat_id:
                yield chat
                chat = []
            chat.append(story)
        if chat:
            yield chat

    async def _in_chat(self, chat: Sequence[Story], traces: _Traces) -> list[Deletion]:
        theirs, alone = self._theirs(chat)
        if not theirs:
            return []
        chat_id = chat[0].key.chat_id
        traces.message_ids |= {safe_id(story.key.message_id) for story in theirs}
        traces.spellings |= {person for story in theirs if (person := _person(story)) and self._is_same_person(person)}
        found = [Deletion.of_memo(story) for story in theirs if story.purged_at is None]
        if alone and await self.history.recent(chat_id, limit=1):
            found.append(Deletion.of_turns(MemoKey(chat_id, "")))
        # A key that contains the number cannot stay; their pseudonym keeps the memo from being answered again.
        found += [Deletion.of_row(story.key) for story in theirs if self._is_named_in(story.key)]
        return found

    def _theirs(self, chat: Sequence[Story]) -> tuple[Sequence[Story], bool]:
        """Return their memos of a chat, and whether all of it is theirs: no group, no other person."""
        named = [story for story in chat if self._is_theirs(story) or self._is_named_in(story.key)]
        keys = {story.key for story in named}
        others = any(_person(story) for story in chat if story.key not in keys)
        if not named or others or any(story.facts.get("group") is True for story in chat):
            return named, False
        return [story for story in chat if story.key in keys or story.purged_at is None], True

    def _is_theirs(self, story: Story) -> bool:
        return story.facts.get("who") == self.who or self._is_same_person(_person(story))

    def _is_same_person(self, person: str) -> bool:
        return bool(person) and normalized_handle(person) == self._bare

    def _is_named_in(self, key: MemoKey) -> bool:
        return self._is_searchable and any(self._bare in part.casefold() for part in (key.chat_id, key.message_id))

    @property
    def _bare(self) -> str:
        return normalized_handle(self.handle)

    @property
    def _is_searchable(self) -> bool:
        return len(self._bare) >= _LEAST_DIGITS

    async def _objects(self, traces: _Traces) -> AsyncIterator[str]:
        """Yield recordings under their names, and replies to their memos."""
        spelt = traces.spellings
        users = {safe_id(each) for each in (*spelt, *(pseudonym(each, self.key) for each in spelt))}
        async for key, parsed in own_keys(self.archive, MEMO_PREFIX):
            if parsed.user in users:
                yield key
        owners = ObjectOwners(self.ledger, self.purging)
        async for key, parsed in own_keys(self.archive, REPLY_PREFIX):
            ids = {parsed.memo, parsed.memo.rpartition("-")[0]}
            if ids & traces.message_ids and not await owners.have(parsed):
                yield key


def _person(story: Story) -> str:
    person = story.facts.get("person")
    return person if isinstance(person, str) else ""
