"""Splitter of streamed text into speakable sentences. Pure.

A list, table or block of code is one piece: only the whole can be made prose.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from conversation.speakable import MAX_WORDS, speakable
from conversation.speakable.length import count_words, sentence_ends, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK_LINE: Final = re.compile(r"[ \t]*(?:[-*+•–—·][ \t]|[|>#]|\d{1,3}[.)][ \t]|```|~~~)")  # noqa: RUF001 (dashes that lists begin with)
"""Begins a list, quotation, table, heading or block of code."""
_FENCE: Final = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_BREAK: Final = re.compile(r"[ \t]*(?P<ends>(?:\n[ \t\r]*)+)(?=\S)")
_LOOK_AHEAD: Final = 5  # characters that classify a line
_DOTTED: Final = re.compile(r"(?:^|[\s(])(?:[^\W\d_]\.)+[^\W\d_]\Z")  # such as "e.g" before its last full stop
_UNSPACED: Final = frozenset({"zh", "ja", "th", "lo", "km", "my"})  # no blank between sentences
_NO_LIMIT: Final = 100_000


class Sentences:
    """Speakable sentences of a text that arrives in pieces.

    Beyond `max_words`, the first sentence is shortened, a later one left out with all that follow.
    """

    def __init__(self, language: str, max_words: int = MAX_WORDS) -> None:
        self._language = language
        self._words_left = max_words
        self._begun = False
        self._text = ""

    @property
    def full(self) -> bool:
        """Whether `max_words` is reached."""
        return self._words_left <= 0

    def feed(self, piece: str) -> list[str]:
        """Add a piece; return the sentences it completes."""
        self._text += piece
        sentences = []
        while (end := _first_end(self._text)) is not None:
            raw, self._text = self._text[:end], self._text[end:]
            sentences.append(self._fit(raw))
        return [sentence for sentence in sentences if sentence]

    def end(self) -> list[str]:
        """Return the rest."""
        raw, self._text = self._text, ""
        sentence = self._fit(raw)
        return [sentence] if sentence else []

    def _fit(self, raw: str) -> str:
        if self.full:
            return ""
        sentence = speakable(raw, language=self._language, max_words=_NO_LIMIT)
        words = count_words(sentence)
        if words > self._words_left:
            sentence = "" if self._begun else shorten(sentence, self._words_left)
            self._words_left = 0
        self._words_left -= words
        self._begun = self._begun or bool(sentence)
        return sentence


def split_sentences(text: str) -> list[str]:
    """Split speakable text into sentences."""
    sentences = []
    while (end := _first_end(text)) is not None:
        sentences.append(text[:end].strip())
        text = text[end:]
    return [sentence for sentence in (*sentences, text.strip()) if sentence]


def join_sentences(sentences: list[str], language: str) -> str:
    """Join sentences."""
    return ("" if language in _UNSPACED else " ").join(sentences)


def _first_end(text: str) -> int | None:
    """Return where the first sentence or block ends; None if that depends on text to come."""
    ends = (*_line_ends(text), *_mark_ends(text))
    outside_code = (end for end in ends if len(_FENCE.findall(text[:end])) % 2 == 0)
    return min(outside_code, default=None)


def _mark_ends(text: str) -> Iterator[int]:
    for end in sentence_ends(text):
        before = text[:end].rstrip()
        if end < len(text) and not _is_block(_last_line(before)) and not _DOTTED.search(before[:-1]):
            yield end
            return


def _line_ends(text: str) -> Iterator[int]:
    for line_break in _BREAK.finditer(text):
        following = text[line_break.end() :]
        if len(following) < _LOOK_AHEAD and "\n" not in following:
            return
        before, after = _is_block(_last_line(text[: line_break.start()])), _is_block(following)
        if before != after or (not before and line_break["ends"].count("\n") > 1):
            yield line_break.end()


def _is_block(line: str) -> bool:
    return _BLOCK_LINE.match(line) is not None


def _last_line(text: str) -> str:
    return text.rpartition("\n")[2]
