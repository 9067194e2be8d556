"""Identification of a text's language."""

from __future__ import annotations

from typing import Final

from conversation.language.evidence import (
    detect,
    languages_with,
    likeliest_by_ngrams,
    lowercase,
    split_words,
    weigh_words,
)
from conversation.language.scripts import LATIN, candidate_languages, count_letters
from providers.languages import primary_subtag

_BRIEF_WORDS: Final = 4
_BRIEF_LETTERS: Final = 24
_LONG_LETTERS: Final = 40  # from here on langdetect is the better judge
_LONGEST: Final = 2000
_FOREIGN_WORDS: Final = 2  # fewer may be loans ("okay, ciao") or names
_LAST_WEIGHT: Final = 4.0  # less than two everyday words
_DEFAULT_WEIGHT: Final = 1.0
_RARE_WEIGHT: Final = -1.5
_COMMON: Final = frozenset(
    {"ar", "de", "en", "es", "fr", "hi", "id", "it", "nl", "pl", "pt", "ru", "sv", "tr", "vi", "zh"}
)
"""Languages of most people; others need more evidence."""
_MISTAKEN_FOR: Final = {
    "as": ("bn",), "az": ("tr",), "ba": ("ru",), "be": ("ru", "uk"), "bs": ("hr",), "fo": ("da", "no"),
    "gl": ("pt", "es"), "ht": ("fr",), "is": ("no", "da"), "jv": ("id",), "kk": ("ru",), "la": ("it",), "lb": ("de",),
    "mn": ("ru",), "ms": ("id",), "nn": ("no",), "oc": ("ca",), "ps": ("fa",), "sa": ("hi",), "sd": ("ur",),
    "sr": ("hr", "mk"), "su": ("id",), "tg": ("ru",), "tk": ("tr",), "tt": ("ru",), "yi": ("he",),
}  # fmt: skip
"""What langdetect takes languages for that it does not know; a person's last one is kept."""


def identify_language(text: str, *, reported: str | None, last: str | None, default: str) -> str:
    """Return the primary subtag of a text's language.

    Args:
        text: a transcript or message.
        reported: the recogniser's result, believed first.
        last: the person's last language, kept if the text is short and not clearly in another.
        default: the last resort.
    """
    subtag = primary_subtag(reported)
    if subtag is not None:
        return subtag
    text = lowercase(text[:_LONGEST])
    candidates = candidate_languages(text)
    if not candidates:  # digits, or nothing
        return last or default
    alike = () if last is None else (last, *_MISTAKEN_FOR.get(last, ()))
    likeliest = _likeliest(text, candidates, alike, default)
    if last is not None and (likeliest in alike or _is_too_brief(text, likeliest, candidates, alike)):
        return last
    return likeliest


def _likeliest(text: str, candidates: tuple[str, ...], alike: tuple[str, ...], default: str) -> str:
    if len(candidates) == 1:
        return candidates[0]
    weights = weigh_words(text, candidates)
    expected = [code for code in alike if code in candidates]
    for code in candidates:
        weights[code] += _LAST_WEIGHT * (code in expected) + _RARE_WEIGHT * (code not in _COMMON)
        weights[code] += _DEFAULT_WEIGHT * (code == default and not expected)
    if count_letters(text) < _LONG_LETTERS:
        return likeliest_by_ngrams(text, weights)
    return detect(text, weights) or max(weights, key=weights.__getitem__)


def _is_too_brief(text: str, likeliest: str, candidates: tuple[str, ...], alike: tuple[str, ...]) -> bool:
    """Return whether a text is too short to leave the last language."""
    words = split_words(text)
    if len(words) > _BRIEF_WORDS or count_letters(text) > _BRIEF_LETTERS:
        return False
    # a foreign script is enough, except Latin: "ok" is written in it everywhere
    if candidates != LATIN and not set(alike) & set(candidates):
        return False
    languages = map(languages_with, words)
    return sum(likeliest in each and not each & set(alike) for each in languages) < _FOREIGN_WORDS
