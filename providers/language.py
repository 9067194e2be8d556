"""Which language was spoken: reported, else the person's last one where little was said, else what the words say."""

from __future__ import annotations

import re
from typing import Final

from providers.language_evidence import detect, plain, read_through, speakers, weigh_words, words_of
from providers.language_names import NAMES
from providers.language_scripts import LATIN, count_letters, written_in

_BRIEF_WORDS: Final = 4
_BRIEF_LETTERS: Final = 24
_LONG_LETTERS: Final = 40
"""From here on langdetect's own detector is surer than a count of what is there once."""
_LONGEST: Final = 2000
_PLAIN_WORDS: Final = 2
"""So many everyday words that the last language does not have are no loan ("okay, ciao") and no name."""
_LAST: Final = 4.0
"""How much the person's last language weighs: less than two everyday words of another."""
_DEFAULT: Final = 1.0
_RARE: Final = -1.5
_COMMON: Final = frozenset(
    {"ar", "de", "en", "es", "fr", "hi", "id", "it", "nl", "pl", "pt", "ru", "sv", "tr", "vi", "zh"}
)
"""The languages that most memos are in; a rarer one must be spoken plainly to be believed."""
_TAKEN_FOR: Final = {
    "as": ("bn",), "az": ("tr",), "ba": ("ru",), "be": ("ru", "uk"), "bs": ("hr",), "fo": ("da", "no"),
    "gl": ("pt", "es"), "ht": ("fr",), "is": ("no", "da"), "jv": ("id",), "kk": ("ru",), "la": ("it",), "lb": ("de",),
    "mn": ("ru",), "ms": ("id",), "nn": ("no",), "oc": ("ca",), "ps": ("fa",), "sa": ("hi",), "sd": ("ur",),
    "sr": ("hr", "mk"), "su": ("id",), "tg": ("ru",), "tk": ("tr",), "tt": ("ru",), "yi": ("he",),
}  # fmt: skip
"""Languages that cannot be told apart from others, each with those that it looks like.

Of somebody who spoke one of them, the others are not believed: a person who spoke Malay was not heard in Indonesian.
"""
_BY_NAME: Final = {name.lower(): code for code, name in NAMES.items()}


def primary(tag: str | None) -> str | None:
    """Give the primary subtag ("en") of a tag or English name ("en-US", "EN_us", "English"); None where it is none."""
    if not tag:
        return None
    head = re.split(r"[-_]", tag.strip().lower())[0]
    return head if head in NAMES else _BY_NAME.get(tag.strip().lower())


def name(code: str) -> str:
    """Give a language's English name."""
    return NAMES.get(code, code)


def identify(text: str, *, reported: str | None, last: str | None, default: str) -> str:
    """Say which language a text is in.

    Args:
        text: what was said.
        reported: what the recogniser says, believed first.
        last: what the person spoke last, believed when the text is short and not plainly in another language.
        default: the last resort.

    Returns:
        A primary subtag.
    """
    said = primary(reported)
    if said is not None:
        return said
    written = plain(text[:_LONGEST])
    among = written_in(written)
    if not among:  # digits, or nothing
        return last or default
    alike = () if last is None else (last, *_TAKEN_FOR.get(last, ()))
    found = _likeliest(written, among, alike, default)
    if last is None or found == last:
        return found
    if found in alike or _says_too_little(written, found, among, alike):
        return last
    return found


def _likeliest(text: str, among: tuple[str, ...], alike: tuple[str, ...], default: str) -> str:
    """Weigh what is known before a letter is looked at, then the words, then the n-grams."""
    if len(among) == 1:
        return among[0]
    weights = weigh_words(text, among)
    known = [code for code in alike if code in among]
    for code in among:
        weights[code] += _LAST * (code in known) + _RARE * (code not in _COMMON)
        weights[code] += _DEFAULT * (code == default and not known)
    if count_letters(text) < _LONG_LETTERS:
        return read_through(text, weights)
    return detect(text, weights) or max(weights, key=weights.__getitem__)


def _says_too_little(text: str, found: str, among: tuple[str, ...], alike: tuple[str, ...]) -> bool:
    """Whether a text is too short to leave the last language for another.

    A foreign script is enough to leave it by, but for Latin letters: "ok" is written in them everywhere.
    """
    words = words_of(text)
    if len(words) > _BRIEF_WORDS or count_letters(text) > _BRIEF_LETTERS:
        return False
    if among != LATIN and not set(alike) & set(among):
        return False
    foreign = [word for word in words if found in speakers(word) and not speakers(word) & set(alike)]
    return len(foreign) < _PLAIN_WORDS
