"""Counting of words and sentences, and shortening to them. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_DENSE: Final = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # scripts with two characters a word
_UNSPACED: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # scripts without spaces, with five characters a word
_WORD: Final = re.compile(rf"[{_DENSE}]{{1,2}}|[{_UNSPACED}]{{1,5}}|[^\s{_DENSE}{_UNSPACED}]{{1,40}}")
"""A long run of letters is several words."""
_SENTENCE_END: Final = re.compile(r"(?:(?P<stop>\.)|[.!?…।؟۔]+|[。！？]+)[\"'”’»)」』]*(?:\s+|(?<=[。！？」』])|\Z)")  # noqa: RUF001 (the ends of sentences elsewhere)
_CLAUSE_END: Final = re.compile(r"[,;:،؛](?=\s)|[，；：、]|\s[–—-](?=\s)|—")  # noqa: RUF001 (commas and dashes elsewhere)
_NO_END: Final = re.compile(
    r"(?:^|[\s(])(?:[^\W\d_]|No|St|Mt|Jr|Sr|Sra|Dr|Dra|Mr|Mrs|Ms|Prof|vs|Nr|Hr|Str|Sig|Dott|Av|Inc|Ltd|Co|approx|ca)\Z"
)
"""Abbreviations and initials."""
_ORDINAL: Final = re.compile(r"(?:^|\s)\d{1,2}\Z")  # as in German: 21. November


def shorten(text: str, most: int) -> str:
    """Return at most so many words: whole sentences, else clauses, else words."""
    words = _words(text)
    if len(words) <= most:
        return text
    limit = words[most - 1].end()
    begun, over = words[0].start(), words[most].start()
    ends = [
        end.end()
        for end in _SENTENCE_END.finditer(text, begun, over)
        if end.end() <= over and _ends_sentence(end, text)
    ]
    if ends:
        return text[: ends[-1]].strip()
    clauses = [
        end.start()
        for end in _CLAUSE_END.finditer(text)
        if begun < end.start() <= over and _separates_clauses(end, text)
    ]
    return _close(text[: clauses[-1]] if clauses else _cut_at_word(text, limit))


def count_words(text: str) -> int:
    """Count words, also in scripts without blanks."""
    return len(_words(text))


def sentence_ends(text: str) -> Iterator[int]:
    """Yield where sentences end, after marks and blanks."""
    return (end.end() for end in _SENTENCE_END.finditer(text) if _ends_sentence(end, text))


def _words(text: str) -> list[re.Match[str]]:
    return [word for word in _WORD.finditer(text) if any(character.isalnum() for character in word[0])]


def _ends_sentence(end: re.Match[str], text: str) -> bool:
    rest = text[end.end() : end.end() + 1]
    if end.end() < len(text) and not text[end.end() - 1].isspace() and text[end.end() - 1] not in "。！？」』":  # noqa: RUF001 (the ends of sentences elsewhere)
        return False
    if end["stop"] is None:
        return not rest.islower()
    before = text[max(0, end.start() - 12) : end.start()]
    return not rest.islower() and not _NO_END.search(before) and not _ORDINAL.search(before)


def _separates_clauses(end: re.Match[str], text: str) -> bool:
    """Return whether a comma is not between a day and its year."""
    around = text[end.start() - 1] + text[end.end() : end.end() + 2].strip()[:1]
    return not (len(around) > 1 and around.isdigit())


def _cut_at_word(text: str, limit: int) -> str:
    """Cut before the word that is too much, in scripts without spaces at a space."""
    while limit < len(text) and not text[limit].isspace() and not text[limit].isalnum():
        limit += 1
        if limit >= len(text) or text[limit - 1] in "。！？，、":  # noqa: RUF001 (commas elsewhere)
            break
    space = text.rfind(" ", 0, limit)
    if re.match(f"[{_UNSPACED}]", text[limit - 1 : limit]) and space > limit // 2:
        return text[:space]
    return text[:limit]


def _close(text: str) -> str:
    """Add the full stop of the script."""
    text = text.rstrip(" ,;:、，；：،؛–—-([\"'“‘«")  # noqa: RUF001 (marks of other scripts)
    if not text or text[-1] in ".!?…。！？।؟":  # noqa: RUF001 (the ends of sentences elsewhere)
        return text
    last = text[-1]
    if re.match("[\\u3040-\\u30ff\\u3400-\\u9fff]", last):
        return f"{text}。"
    return f"{text}।" if re.match("[\\u0900-\\u097f]", last) else f"{text}."
