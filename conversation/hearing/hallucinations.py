"""Detection of what Whisper writes in silence: credits and farewells, learned from subtitles. Pure.

hallucinations.json has "credits" as they stand; "credited", followed by a name; and "closings": bags of words, some of
them required ("thank you for watching this video", not "… the kids"). Only whole texts are judged.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final
from unicodedata import normalize

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SENTENCE_END: Final = re.compile(r"[.!?…।؟]+(?:\s+|$)|[。！？\n]+")  # noqa: RUF001 (ends in many scripts)
_PART_END: Final = re.compile(r"[.!?…।؟]+(?:\s+|$)|[。！？\n]+|[,;،、，–—-]+\s*")  # noqa: RUF001 (the same)
_NOTE: Final = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|（[^（）]*）|【[^【】]*】|\*[^*]*\*")  # noqa: RUF001 (wide brackets)
"""Such as "[Music]"."""
_YEAR: Final = re.compile(r"(?:19|20)[0-9]{2}")
_FAINT_SECONDS: Final = 0.3
_FAINT_SHARE: Final = 0.02  # voiced share of a recording that is less than a "bye"
_FEWEST_REPEATS: Final = 8
_LONGEST_PERIOD: Final = 60
_ENDLESS_LETTERS: Final = 200
_MOST_LETTERS_A_SECOND: Final = 50.0  # thrice a fast speaker's
_LONGEST_ROW: Final = 1000  # letters of several credits
_LONGEST_CLOSING: Final = 120
_LONGEST_NAME: Final = 40
_NAME_WORDS: Final = 3


@dataclass(frozen=True, slots=True)
class _Bag:
    """Words of one kind of closing in one language."""

    required: tuple[tuple[str, ...], ...]  # all words of one of these are required
    words: frozenset[str]
    longest: int  # letters


def is_hallucination(text: str, *, seconds: float, speech_seconds: float) -> bool:
    """Return whether a recogniser imagined a whole transcript.

    Recording and speech (audio.loudness, voiced_seconds) are measured in seconds.
    """
    if not text.strip():
        return False
    text = _NOTE.sub(" ", text)
    letters = _stripped(text)
    if not letters:  # dots, a ♪, or notes alone
        return True
    if len(letters) <= _LONGEST_ROW:
        faint = speech_seconds < max(_FAINT_SECONDS, _FAINT_SHARE * seconds)
        if any(map(_has_only_credits, _splits(text))) or (faint and any(map(_is_all_polite, _splits(text)))):
            return True
    return _is_endless(letters, speech_seconds)


def _has_only_credits(parts: list[str]) -> bool:
    credited = False
    for part in parts:
        letters = _stripped(part)
        if _is_credit(part, letters):
            credited = True
        elif letters not in _POLITE:
            return False
    return credited


def _is_credit(text: str, letters: str) -> bool:
    if _CREDITS & {letters, _once(letters)}:
        return True
    words = [word for word in map(_stripped, text.split()) if word]
    if any(_credits_a_name(letters, words, beginning, count) for beginning, count in _CREDITED):
        return True
    return len(letters) <= _LONGEST_CLOSING and any(_is_closing(letters, words, bag) for bag in _BAGS)


def _credits_a_name(letters: str, words: list[str], beginning: str, count: int) -> bool:
    if not letters.startswith(beginning):
        return False
    return len(words) <= count + _NAME_WORDS and len(letters) - len(beginning) <= _LONGEST_NAME


def _is_closing(letters: str, words: list[str], bag: _Bag) -> bool:
    if not any(all(each in letters for each in required) for required in bag.required):
        return False
    return (letters,) not in bag.required and all(_is_made_of(word, bag) for word in words)


def _is_made_of(word: str, bag: _Bag) -> bool:
    """Return whether a word is one of a bag's, or several without blanks."""
    if word in bag.words or _YEAR.fullmatch(word):
        return True
    reached = {0}
    for at in range(len(word)):
        if at in reached:
            ends = range(at + 1, min(at + bag.longest, len(word)) + 1)
            reached |= {end for end in ends if word[at:end] in bag.words}
    return len(word) in reached


def _is_all_polite(parts: list[str]) -> bool:
    pairs = [(part, _stripped(part)) for part in parts]
    return all(_POLITE & {letters, _once(letters)} or _is_credit(part, letters) for part, letters in pairs)


def _splits(text: str) -> Iterator[list[str]]:
    """Yield the text, then its sentences, then its clauses."""
    yield [text]
    for end in (_SENTENCE_END, _PART_END):
        yield [part for part in end.split(text) if _stripped(part)]


def _stripped(text: str) -> str:
    """Return letters and digits, without case and accents."""
    dotted = normalize("NFKD", text).casefold().replace("ı", "i")  # noqa: RUF001 (Turkish capitals lose it elsewhere)
    return "".join(each for each in dotted if each.isalnum())


def _once(letters: str) -> str:
    """Return a repeated phrase once."""
    length = _period(letters) if len(letters) <= _ENDLESS_LETTERS else len(letters)
    return letters if len(letters) % length else letters[:length]


def _is_endless(letters: str, speech_seconds: float) -> bool:
    """Return whether a phrase is repeated longer or faster than by a person."""
    length = _period(letters)
    if length > _LONGEST_PERIOD or len(letters) < _FEWEST_REPEATS * length:
        return False
    return len(letters) >= _ENDLESS_LETTERS or len(letters) > _MOST_LETTERS_A_SECOND * speech_seconds


def _period(letters: str) -> int:
    """Return the length of what is repeated, in linear time (Knuth, Morris and Pratt)."""
    borders = [0] * len(letters)
    for at in range(1, len(letters)):
        border = borders[at - 1]
        while border and letters[at] != letters[border]:
            border = borders[border - 1]
        borders[at] = border + (letters[at] == letters[border])
    return len(letters) - borders[-1]


def _bag(entry: Mapping[str, str]) -> _Bag:
    required = tuple(tuple(map(_stripped, each.split("+"))) for each in entry["with"].split())
    words = frozenset({_stripped(word) for word in entry["among"].split()}.union(*required))
    return _Bag(required, words, max(map(len, words)))


PHRASES: Final = json.loads((resources.files(__package__) / "hallucinations.json").read_text("utf-8"))
_CREDITS: Final = frozenset(map(_stripped, PHRASES["credits"]))  # not believed, however loud
_CREDITED: Final = tuple((_stripped(text), len(text.split())) for text in PHRASES["credited"])
"""Credits, each with its number of words."""
_BAGS: Final = tuple(_bag(entry) for entries in PHRASES["closings"].values() for entry in entries)
_POLITE: Final = frozenset(map(_stripped, PHRASES["polite"]))  # not believed in silence only
