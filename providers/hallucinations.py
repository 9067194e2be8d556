"""Detects what Whisper writes where nothing is said: credits and farewells of the subtitles it learned from. Pure.

Only whole texts are judged: credits after real words stay. The phrases in hallucinations.json are of three kinds:
"credits" as they stand; "credited", followed by a name; "closings", bags of words that farewells of videos are made of,
one of which must be there ("thank you all for watching this video", but not "thank you for watching the kids").
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
"""Subtitles of other sounds, such as "[Music]"."""
_YEAR: Final = re.compile(r"(?:19|20)[0-9]{2}")
_FAINT_SECONDS: Final = 0.3
_FAINT_SHARE: Final = 0.02
"""Voiced share of the recording: a click and a breath reach it, "bye" alone exceeds it."""
_FEWEST_REPEATS: Final = 8
_LONGEST_PERIOD: Final = 60
"""Letters of a repeated phrase."""
_ENDLESS_LETTERS: Final = 200
_MOST_LETTERS_A_SECOND: Final = 50.0
"""Three times a fast speaker's, as seconds of speech are counted conservatively."""
_LONGEST_ROW: Final = 1000
"""Letters of several credits in a row."""
_LONGEST_CLOSING: Final = 120
_LONGEST_NAME: Final = 40
"""Letters of a name after a credit."""
_NAME_WORDS: Final = 3


@dataclass(frozen=True, slots=True)
class _Bag:
    """The words of one kind of closing in one language, stripped."""

    required: tuple[tuple[str, ...], ...]
    """All words of one of these must be there."""
    words: frozenset[str]
    longest: int
    """Letters of its longest word."""


def is_hallucination(text: str, *, seconds: float, speech_seconds: float) -> bool:
    """Return whether a recogniser imagined a text.

    Args:
        text: the whole transcript; an empty one is no hallucination.
        seconds: length of the recording.
        speech_seconds: length of the speech in it (audio.loudness, voiced_seconds).
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
    """Return whether one part at least is a credit, and the others are polite."""
    credited = False
    for part in parts:
        letters = _stripped(part)
        if _is_credit(part, letters):
            credited = True
        elif letters not in _POLITE:
            return False
    return credited


def _is_credit(text: str, letters: str) -> bool:
    if letters in _CREDITS or _once(letters) in _CREDITS:
        return True
    words = [word for word in map(_stripped, text.split()) if word]
    if any(_credits_a_name(letters, words, beginning, count) for beginning, count in _CREDITED):
        return True
    return len(letters) <= _LONGEST_CLOSING and any(_is_closing(letters, words, bag) for bag in _BAGS)


def _credits_a_name(letters: str, words: list[str], beginning: str, count: int) -> bool:
    """Return whether a text is a beginning of `count` words and, at most, a name."""
    if not letters.startswith(beginning):
        return False
    return len(words) <= count + _NAME_WORDS and len(letters) - len(beginning) <= _LONGEST_NAME


def _is_closing(letters: str, words: list[str], bag: _Bag) -> bool:
    if not any(all(each in letters for each in required) for required in bag.required):
        return False
    return (letters,) not in bag.required and all(_is_made_of(word, bag) for word in words)


def _is_made_of(word: str, bag: _Bag) -> bool:
    """Return whether a word is one of a bag's, or several in a row, as in scripts without blanks."""
    if word in bag.words or _YEAR.fullmatch(word):
        return True
    reached = {0}
    for at in range(len(word)):
        if at in reached:
            ends = range(at + 1, min(at + bag.longest, len(word)) + 1)
            reached |= {end for end in ends if word[at:end] in bag.words}
    return len(word) in reached


def _is_all_polite(parts: list[str]) -> bool:
    return all(_is_polite(_stripped(part)) or _is_credit(part, _stripped(part)) for part in parts)


def _is_polite(letters: str) -> bool:
    return letters in _POLITE or _once(letters) in _POLITE


def _splits(text: str) -> Iterator[list[str]]:
    """Yield the text whole, then its sentences, then its clauses."""
    yield [text]
    for end in (_SENTENCE_END, _PART_END):
        yield [part for part in end.split(text) if _stripped(part)]


def _stripped(text: str) -> str:
    """Return the letters and digits alone, without case and accents."""
    dotted = normalize("NFKD", text).casefold().replace("ı", "i")  # noqa: RUF001 (Turkish capitals lose it elsewhere)
    return "".join(each for each in dotted if each.isalnum())


def _once(letters: str) -> str:
    """Return a phrase that is repeated, once; else the text."""
    length = _period(letters) if len(letters) <= _ENDLESS_LETTERS else len(letters)
    return letters if len(letters) % length else letters[:length]


def _is_endless(letters: str, speech_seconds: float) -> bool:
    """Return whether one short phrase is repeated, for longer or faster than a person would."""
    length = _period(letters)
    if length > _LONGEST_PERIOD or len(letters) < _FEWEST_REPEATS * length:
        return False
    return len(letters) >= _ENDLESS_LETTERS or len(letters) > _MOST_LETTERS_A_SECOND * speech_seconds


def _period(letters: str) -> int:
    """Return the length of the shortest phrase whose repetition is the text; the last may be cut short.

    By the prefix function of Knuth, Morris and Pratt: in linear time, as the text is a stranger's.
    """
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
_CREDITS: Final = frozenset(map(_stripped, PHRASES["credits"]))
"""Not believed, however loud the recording."""
_CREDITED: Final = tuple((_stripped(text), len(text.split())) for text in PHRASES["credited"])
"""Each with the number of its words."""
_BAGS: Final = tuple(_bag(entry) for entries in PHRASES["closings"].values() for entry in entries)
_POLITE: Final = frozenset(map(_stripped, PHRASES["polite"]))
"""Believed only where a voice is heard: Whisper writes them in silence, too."""
