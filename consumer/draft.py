"""Streamed replies: text that a model is still writing, sentence by sentence, for those who speak it meanwhile.

A reply ends whole or is discarded whole: then its replier failed, and none of it will be heard.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from providers.sentences import Sentences, joined, split

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_LONGEST_PIECE = 240
"""Characters spoken in one go, after the first sentence: fewer requests, and a better melody."""


class Discarded(Exception):
    """The reply that was being spoken will not be sent."""


class Piece(NamedTuple):
    """Sentences that are spoken in one go."""

    text: str
    before: str
    """The whole reply so far."""
    after: str
    """The next sentence, if it is written."""


class Draft:
    """A reply in one language (a primary subtag), still growing or ended."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._sentences: list[str] = []
        self._ended = self._discarded = False
        self._changed = asyncio.Event()

    @classmethod
    def whole(cls, text: str, language: str) -> Self:
        """Return a draft of a reply that is complete."""
        draft = cls(language)
        draft.say(*split(text))
        draft.end()
        return draft

    @property
    def text(self) -> str:
        """The reply so far."""
        return joined(self._sentences, self.language)

    @property
    def ended(self) -> bool:
        """Whether it is complete."""
        return self._ended

    def say(self, *sentences: str) -> None:
        """Add sentences."""
        self._sentences += sentences
        self._notify()

    def end(self) -> None:
        """Mark it complete."""
        self._ended = True
        self._notify()

    def discard(self) -> None:
        """Throw it away, unless it is complete."""
        self._discarded = not self._ended
        self._notify()

    async def pieces(self) -> AsyncIterator[Piece]:
        """Yield the reply from its first sentence on, waiting for what is not written yet. Raises Discarded."""
        said = 0
        while await self._has_more(said):
            end = said + self._count(said)
            parts = self._sentences[said:end], self._sentences[:said], self._sentences[end : end + 1]
            yield Piece(*(joined(part, self.language) for part in parts))
            said = end

    async def started(self) -> None:
        """Wait until there is something to speak. Raises Discarded."""
        await self._until(lambda: self._ended or bool(self._sentences))

    async def settled(self) -> None:
        """Wait until it is complete. Raises Discarded."""
        await self._until(lambda: self._ended)

    async def _has_more(self, said: int) -> bool:
        await self._until(lambda: self._ended or said < len(self._sentences))
        return said < len(self._sentences)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while self._discarded or not condition():
            if self._discarded:
                raise Discarded
            await self._changed.wait()

    def _count(self, said: int) -> int:
        """Return how many of the written sentences go into the next piece; the first goes alone, to be soon."""
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


class Cutter(Protocol):
    """Splits what a model writes into pieces that are fit to be spoken, or to be sent as text."""

    @property
    def full(self) -> bool:
        """Whether the reply is long enough, so that nothing more is wanted."""
        ...

    def feed(self, piece: str) -> list[str]:
        """Take more text; return the pieces that it completes."""
        ...

    def end(self) -> list[str]:
        """Return what is left."""
        ...


class Drafts:
    """The drafts of one reply, one after the other: each replier that is tried begins a new one.

    Args:
        splitter: makes the splitter for a language.
    """

    def __init__(self, splitter: Callable[[str], Cutter] = Sentences) -> None:
        self.splitter = splitter
        self.latest: Draft | None = None
        self._begun = asyncio.Event()

    def begin(self, language: str) -> Draft:
        """Begin a draft; the one before is discarded, unless it is complete."""
        if self.latest is not None:
            self.latest.discard()
        self.latest = Draft(language)
        self._begun.set()
        return self.latest

    async def after(self, known: Draft | None) -> Draft:
        """Wait for a later draft than the known one."""
        while self.latest is known or self.latest is None:
            self._begun.clear()
            await self._begun.wait()
        return self.latest
