"""Replies that are spoken while a model still writes them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from conversation.speakable.sentences import Sentences, join_sentences, split_sentences

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_LONGEST_PIECE = 240  # characters; longer pieces mean fewer requests and better prosody


class Discarded(Exception):
    """The replier of a draft failed."""


class Phrase(NamedTuple):
    """Sentences that are spoken in one go, with their context."""

    text: str
    before: str
    after: str


class StreamedReply:
    """A streamed reply in a language (a primary subtag), complete when `ended`."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._sentences: list[str] = []
        self.ended = self._discarded = False
        self._changed = asyncio.Event()

    @classmethod
    def whole(cls, text: str, language: str) -> Self:
        """Return a complete draft."""
        draft = cls(language)
        draft.say(*split_sentences(text))
        draft.end()
        return draft

    @property
    def text(self) -> str:
        """The reply so far."""
        return join_sentences(self._sentences, self.language)

    def say(self, *sentences: str) -> None:
        """Add sentences."""
        self._sentences += sentences
        self._notify()

    def end(self) -> None:
        """Mark it complete."""
        self.ended = True
        self._notify()

    def discard(self) -> None:
        """Throw it away, unless it is complete."""
        self._discarded = not self.ended
        self._notify()

    async def pieces(self) -> AsyncIterator[Phrase]:
        """Yield the reply from its beginning, as it is written. Raises Discarded."""
        said = 0
        while await self._has_more(said):
            end = said + self._count(said)
            parts = self._sentences[said:end], self._sentences[:said], self._sentences[end : end + 1]
            yield Phrase(*(join_sentences(part, self.language) for part in parts))
            said = end

    async def wait_started(self) -> None:
        """Wait for a first sentence. Raises Discarded."""
        await self._until(lambda: self.ended or bool(self._sentences))

    async def wait_complete(self) -> None:
        """Wait until it is complete. Raises Discarded."""
        await self._until(lambda: self.ended)

    async def _has_more(self, said: int) -> bool:
        await self._until(lambda: self.ended or said < len(self._sentences))
        return said < len(self._sentences)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while self._discarded or not condition():
            if self._discarded:
                raise Discarded
            await self._changed.wait()

    def _count(self, said: int) -> int:
        """Return how many sentences go into the next piece; the first goes alone, to be quick."""
        count, length = 1, len(self._sentences[said])
        for sentence in self._sentences[said + 1 :] if said else []:
            length += len(sentence)
            if length > _LONGEST_PIECE:
                break
            count += 1
        return count

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class Splitter(Protocol):
    """Splits a model's text into pieces that are fit to be spoken, or sent."""

    @property
    def full(self) -> bool:
        """Whether the reply is long enough."""

    def feed(self, piece: str) -> list[str]:
        """Take more text; return the pieces that it completes."""

    def end(self) -> list[str]:
        """Return what is left."""


class StreamedReplies:
    """The drafts of one reply, one for each replier tried."""

    def __init__(self, splitter: Callable[[str], Splitter] = Sentences) -> None:
        self.splitter = splitter
        self.latest: StreamedReply | None = None
        self._begun = asyncio.Event()

    def begin(self, language: str) -> StreamedReply:
        """Begin a draft, and discard the one before."""
        if self.latest is not None:
            self.latest.discard()
        self.latest = StreamedReply(language)
        self._begun.set()
        return self.latest

    async def after(self, known: StreamedReply | None) -> StreamedReply:
        """Wait for a later draft."""
        while self.latest is known or self.latest is None:
            self._begun.clear()
            await self._begun.wait()
        return self.latest
