"""What Whisper writes where nobody speaks: it learned from subtitles, and silence there stood under their credits.

Pure. Only whole texts are judged: credits behind real words are left, for real words are worth more than a clean text.

The phrases are in hallucinations.json, beside this module. Credits are known in three ways: as they stand ("credits"),
by how they begin, where a name follows ("credited"), and by what they are made of ("closings"): of a bag of words that
farewells of videos share, with one among them that such a farewell is about. "Thank you all for watching this video" is
made of such words; "thank you for watching the kids" is not.
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
"""What subtitles say of sounds that are no words, such as "[Music]"."""
_YEAR: Final = re.compile(r"(?:19|20)[0-9]{2}")
_FAINT_SECONDS: Final = 0.3
_FAINT_SHARE: Final = 0.02
"""Voiced, of the whole: a click and a breath are as much; "bye" alone is more, and half a minute that holds just half a
second of voice is noise."""
_FEWEST_ROUNDS: Final = 8
_LONGEST_ROUND: Final = 60
"""Letters of a phrase that is said again and again."""
_ENDLESS_LETTERS: Final = 200
_MOST_LETTERS_A_SECOND: Final = 50.0
"""Of speech: three times what is spoken in one, for the seconds of speech are counted with caution."""
_LONGEST_ROW: Final = 1000
"""Letters of several credits in a row: a longer text is known by going round and round, if at all."""
_LONGEST_CLOSING: Final = 120
_LONGEST_NAME: Final = 40
"""Letters of a whole credit that is made of a bag's words, and of what follows one that goes on with a name."""
_NAME_WORDS: Final = 3


@dataclass(frozen=True, slots=True)
class _Bag:
    """The words of one kind of closing in one language, each bare."""

    about: tuple[tuple[str, ...], ...]
    """What such a closing is about: all words of one of these must be there."""
    words: frozenset[str]
    longest: int
    """Letters of its longest word."""


def is_hallucination(text: str, *, seconds: float, speech_seconds: float) -> bool:
    """Say whether a recogniser imagined a text.

    Args:
        text: all that it made of a recording; an empty one is no hallucination.
        seconds: how long the recording plays, in seconds.
        speech_seconds: how long a voice is heard in it, in seconds (audio.loudness, voiced_seconds).
    """
    if not text.strip():
        return False
    words = _NOTE.sub(" ", text)
    if not (whole := _bare(words)):  # not a letter: dots, a ♪, or notes alone
        return True
    if _is_credits(words, whole):
        return True
    faint = speech_seconds < max(_FAINT_SECONDS, _FAINT_SHARE * seconds)
    if faint and len(whole) <= _LONGEST_ROW and any(map(_all_polite, _splits(words))):
        return True
    return _is_endless(whole, speech_seconds)


def _is_credits(text: str, whole: str) -> bool:
    """Say whether a text is a credit, or several, polite words beside them allowed."""
    return len(whole) <= _LONGEST_ROW and any(map(_is_row, _splits(text)))


def _is_row(parts: list[str]) -> bool:
    """Say whether each part is a credit or polite, and one at least is a credit."""
    found = False
    for part in parts:
        bare = _bare(part)
        if _is_credit(part, bare):
            found = True
        elif bare not in _POLITE:
            return False
    return found


def _is_credit(text: str, bare: str) -> bool:
    if bare in _CREDITS or _once(bare) in _CREDITS:
        return True
    words = [word for word in map(_bare, text.split()) if word]
    if any(_goes_on(bare, words, beginning, count) for beginning, count in _CREDITED):
        return True
    return len(bare) <= _LONGEST_CLOSING and any(_is_closing(bare, words, bag) for bag in _BAGS)


def _goes_on(bare: str, words: list[str], beginning: str, count: int) -> bool:
    """Say whether a text is a beginning of `count` words and, at most, a name."""
    if not bare.startswith(beginning):
        return False
    return len(words) <= count + _NAME_WORDS and len(bare) - len(beginning) <= _LONGEST_NAME


def _is_closing(bare: str, words: list[str], bag: _Bag) -> bool:
    """Say whether a text is made of a bag's words, and about what they are about."""
    if not any(all(each in bare for each in about) for about in bag.about):
        return False
    return (bare,) not in bag.about and all(_made_of(word, bag) for word in words)


def _made_of(word: str, bag: _Bag) -> bool:
    """Say whether a word is one of a bag's, or several in a row: some scripts put no blanks between them."""
    if word in bag.words or _YEAR.fullmatch(word):
        return True
    reached = {0}
    for at in range(len(word)):
        if at in reached:
            ends = range(at + 1, min(at + bag.longest, len(word)) + 1)
            reached |= {end for end in ends if word[at:end] in bag.words}
    return len(word) in reached


def _all_polite(parts: list[str]) -> bool:
    return all(_is_polite(_bare(part)) or _is_credit(part, _bare(part)) for part in parts)


def _is_polite(bare: str) -> bool:
    return bare in _POLITE or _once(bare) in _POLITE


def _splits(text: str) -> Iterator[list[str]]:
    """Give a text that has words whole, then its sentences, then its smaller parts."""
    yield [text]
    for end in (_SENTENCE_END, _PART_END):
        yield [part for part in end.split(text) if _bare(part)]


def _bare(text: str) -> str:
    """Take away all but letters and digits: case, accents, spaces and punctuation tell nothing here."""
    dotted = normalize("NFKD", text).casefold().replace("ı", "i")  # noqa: RUF001 (Turkish capitals lose it elsewhere)
    return "".join(each for each in dotted if each.isalnum())


def _once(bare: str) -> str:
    """Give what is said several times in a row, as if it were said once; else the text."""
    length = _round(bare) if len(bare) <= _ENDLESS_LETTERS else len(bare)
    return bare if len(bare) % length else bare[:length]


def _is_endless(bare: str, speech_seconds: float) -> bool:
    """Say whether one short phrase goes round and round, for longer or faster than anybody would say it."""
    length = _round(bare)
    if length > _LONGEST_ROUND or len(bare) < _FEWEST_ROUNDS * length:
        return False
    return len(bare) >= _ENDLESS_LETTERS or len(bare) > _MOST_LETTERS_A_SECOND * speech_seconds


def _round(bare: str) -> int:
    """Give the length of the shortest phrase that, said again and again, gives the text; the last may be cut short.

    By the prefix function of Knuth, Morris and Pratt, in linear time: a stranger's recording decides the text.
    """
    borders = [0] * len(bare)
    for at in range(1, len(bare)):
        border = borders[at - 1]
        while border and bare[at] != bare[border]:
            border = borders[border - 1]
        borders[at] = border + (bare[at] == bare[border])
    return len(bare) - borders[-1]


def _bag(given: Mapping[str, str]) -> _Bag:
    about = tuple(tuple(map(_bare, each.split("+"))) for each in given["with"].split())
    words = frozenset({_bare(word) for word in given["among"].split()}.union(*about))
    return _Bag(about, words, max(map(len, words)))


PHRASES: Final = json.loads((resources.files(__package__) / "hallucinations.json").read_text("utf-8"))
"""As they are written."""
_CREDITS: Final = frozenset(map(_bare, PHRASES["credits"]))
"""Nobody says these to a friend: they are not believed, however much there is to be heard."""
_CREDITED: Final = tuple((_bare(text), len(text.split())) for text in PHRASES["credited"])
"""Credits that go on with a name, each with the number of its words."""
_BAGS: Final = tuple(_bag(given) for bags in PHRASES["closings"].values() for given in bags)
_POLITE: Final = frozenset(map(_bare, PHRASES["polite"]))
"""People do say these; Whisper says them, too, where there is next to nothing to be heard."""
