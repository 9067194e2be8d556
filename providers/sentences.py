"""A reply cut into sentences that are fit to be spoken, while the model still writes it. Pure.

What belongs together is left together: a list, a table or a block of code is one piece, however many sentences it has,
for only as a whole can it be made prose.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from providers.spoken import MAX_WORDS, speakable
from providers.spoken_length import count_words, sentence_ends, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK_LINE: Final = re.compile(r"[ \t]*(?:[-*+•–—·][ \t]|[|>#]|\d{1,3}[.)][ \t]|```|~~~)")  # noqa: RUF001 (dashes that lists begin with)
"""How a line of a list, a quotation, a table, a heading or a block of code begins."""
_FENCE: Final = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_BREAK: Final = re.compile(r"[ \t]*(?P<ends>(?:\n[ \t\r]*)+)(?=\S)")
_LOOK_AHEAD: Final = 5
"""Characters that tell how the next line begins."""
_DOTTED: Final = re.compile(r"(?:^|[\s(])(?:[^\W\d_]\.)+[^\W\d_]\Z")
"""Before the last full stop of "e.g." or "z.B."."""
_UNSPACED: Final = frozenset({"zh", "ja", "th", "lo", "km", "my"})
"""Languages that put no blank between sentences."""
_NO_LIMIT: Final = 100_000


class Sentences:
    """Takes a text piece by piece, and gives it back in sentences as they become whole.

    Args:
        language: of the text, a primary subtag.
        max_words: how much may be said in all. The first sentence is shortened if need be; a later one that is too much
            is left out, with all that would follow.
    """

    def __init__(self, language: str, max_words: int = MAX_WORDS) -> None:
        self._language = language
        self._words_left = max_words
        self._begun = False
        self._text = ""

    @property
    def full(self) -> bool:
        """Whether nothing more will be said."""
        return self._words_left <= 0

    def feed(self, piece: str) -> list[str]:
        """Take the next piece; give the sentences that it completes."""
        self._text += piece
        return [said for raw in self._whole() if (said := self._fit(raw))]

    def end(self) -> list[str]:
        """Give what is left, if anything."""
        raw, self._text = self._text, ""
        said = self._fit(raw)
        return [said] if said else []

    def _whole(self) -> Iterator[str]:
        while (end := _first_end(self._text)) is not None:
            raw, self._text = self._text[:end], self._text[end:]
            yield raw

    def _fit(self, raw: str) -> str:
        if self.full:
            return ""
        said = speakable(raw, language=self._language, max_words=_NO_LIMIT)
        words = count_words(said)
        if words > self._words_left:
            said = "" if self._begun else shortened(said, self._words_left)
            self._words_left = 0
        self._words_left -= words
        self._begun = self._begun or bool(said)
        return said


def split(text: str) -> list[str]:
    """Cut a text that is fit to be spoken into its sentences."""
    said = []
    while (end := _first_end(text)) is not None:
        said.append(text[:end].strip())
        text = text[end:]
    return [sentence for sentence in (*said, text.strip()) if sentence]


def joined(sentences: list[str], language: str) -> str:
    """Make one text of sentences."""
    return ("" if language in _UNSPACED else " ").join(sentences)


def _first_end(text: str) -> int | None:
    """Find where the first sentence, or the first block, surely ends; None when what follows has yet to tell."""
    ends = (*_line_ends(text), *_mark_ends(text))
    return min((end for end in ends if not _in_code(text[:end])), default=None)


def _mark_ends(text: str) -> Iterator[int]:
    """Find the marks that end a sentence outside of blocks."""
    for end in sentence_ends(text):
        before = text[:end].rstrip()
        if end < len(text) and not _is_block(_last_line(before)) and not _DOTTED.search(before[:-1]):
            yield end
            return


def _line_ends(text: str) -> Iterator[int]:
    """Find where paragraphs end, and where prose turns into a block, or a block into prose."""
    for found in _BREAK.finditer(text):
        following = text[found.end() :]
        if len(following) < _LOOK_AHEAD and "\n" not in following:
            return
        before, after = _is_block(_last_line(text[: found.start()])), _is_block(following)
        if before != after or (not before and found["ends"].count("\n") > 1):
            yield found.end()


def _is_block(line: str) -> bool:
    return _BLOCK_LINE.match(line) is not None


def _last_line(text: str) -> str:
    return text.rpartition("\n")[2]


def _in_code(text: str) -> bool:
    return len(_FENCE.findall(text)) % 2 == 1
