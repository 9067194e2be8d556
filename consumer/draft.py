"""Draft: a reply while it is being written, sentence by sentence, for those who speak it meanwhile.

A draft ends whole, or is discarded whole: then its replier fell, and nobody will ever hear any of it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from providers.sentences import Sentences, joined, split

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_LONGEST_PIECE = 240
"""Characters that are spoken in one go, once the first sentence is: fewer requests, and a better melody."""


class Discarded(Exception):
    """The reply that was being spoken will not be given."""


class Piece(NamedTuple):
    """What is spoken in one go."""

    text: str
    before: str
    """All that is said before it."""
    after: str
    """What is said next, as far as it is written."""


class Draft:
    """A reply in one language (a primary subtag), still growing or ended."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._sentences: list[str] = []
        self._ended = self._discarded = False
        self._news = asyncio.Event()

    @classmethod
    def whole(cls, text: str, language: str) -> Self:
        """Make a draft of a reply that is there already."""
        draft = cls(language)
        draft.say(*split(text))
        draft.end()
        return draft

    @property
    def text(self) -> str:
        """All that it says so far."""
        return joined(self._sentences, self.language)

    def say(self, *sentences: str) -> None:
        """Add sentences."""
        self._sentences += sentences
        self._tell()

    def end(self) -> None:
        """Say that it is whole."""
        self._ended = True
        self._tell()

    def discard(self) -> None:
        """Throw it away, unless it is whole."""
        self._discarded = not self._ended
        self._tell()

    async def pieces(self) -> AsyncIterator[Piece]:
        """Give it from its first sentence on, in pieces to be spoken in one go. Raises Discarded."""
        said = 0
        while True:
            if self._discarded:
                raise Discarded
            if said < len(self._sentences):
                end = said + self._count(said)
                yield Piece(*(joined(part, self.language) for part in self._parts(said, end)))
                said = end
            elif self._ended:
                return
            else:
                await self._news.wait()

    async def started(self) -> None:
        """Wait until there is something to speak. Raises Discarded."""
        await self._until(lambda: self._ended or bool(self._sentences))

    async def settled(self) -> None:
        """Wait until it is whole. Raises Discarded."""
        await self._until(lambda: self._ended)

    async def _until(self, come: Callable[[], bool]) -> None:
        while self._discarded or not come():
            if self._discarded:
                raise Discarded
            await self._news.wait()

    def _count(self, said: int) -> int:
        """Say how many of the sentences that are there go into the next piece; the first goes alone, to be soon."""
        count, length = 1, len(self._sentences[said])
        for sentence in self._sentences[said + 1 :] if said else []:
            length += len(sentence)
            if length > _LONGEST_PIECE:
                break
            count += 1
        return count

    def _parts(self, begin: int, end: int) -> tuple[list[str], list[str], list[str]]:
        """Give a piece's sentences, those before them, and the next one if it is there."""
        return self._sentences[begin:end], self._sentences[:begin], self._sentences[end : end + 1]

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


class Cutter(Protocol):
    """Cuts what a model writes into pieces that are fit to be said, or sent."""

    @property
    def full(self) -> bool:
        """Whether nothing more is wanted."""
        ...

    def feed(self, piece: str) -> list[str]:
        """Take what was written next; give the pieces that it completes."""
        ...

    def end(self) -> list[str]:
        """Give what is left, if anything."""
        ...


class Drafts:
    """The drafts of one memo, one after the other: each replier that is tried begins anew.

    Args:
        cutter: makes what cuts a reply into the pieces of a draft, for a language.
    """

    def __init__(self, cutter: Callable[[str], Cutter] = Sentences) -> None:
        self.cutter = cutter
        self.latest: Draft | None = None
        self._news = asyncio.Event()

    def begin(self, language: str) -> Draft:
        """Begin a draft; the one before is discarded, unless it is whole."""
        if self.latest is not None:
            self.latest.discard()
        self.latest = Draft(language)
        self._news.set()
        return self.latest

    async def after(self, known: Draft | None) -> Draft:
        """Wait for a later draft than the one known."""
        while self.latest is known or self.latest is None:
            self._news.clear()
            await self._news.wait()
        return self.latest
