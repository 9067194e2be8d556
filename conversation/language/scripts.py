"""Candidate languages of a text, by its letters. Pure."""

from __future__ import annotations

import re
from typing import Final

LATIN: Final = (
    *("af", "ca", "cs", "cy", "da", "de", "en", "es", "et", "fi", "fr", "hr", "hu", "id", "it", "lt", "lv"),
    *("nl", "no", "pl", "pt", "ro", "sk", "sl", "so", "sq", "sv", "sw", "tl", "tr", "vi"),
)
_HAN: Final = "\\u4e00-\\u9fff"
_SCRIPTS: Final = tuple(
    (re.compile(f"[{letters}]"), languages)
    for letters, languages in (
        (_HAN, ("zh",)), ("\\u0400-\\u04ff", ("ru", "uk", "bg", "mk")), ("\\u0600-\\u06ff", ("ar", "fa", "ur")),
        ("\\u0900-\\u097f", ("hi", "mr", "ne")), ("\\uac00-\\ud7af", ("ko",)), ("\\u0370-\\u03ff", ("el",)),
        ("\\u0530-\\u058f", ("hy",)), ("\\u0590-\\u05ff", ("he",)), ("\\u0980-\\u09ff", ("bn",)),
        ("\\u0a00-\\u0a7f", ("pa",)), ("\\u0a80-\\u0aff", ("gu",)), ("\\u0b80-\\u0bff", ("ta",)),
        ("\\u0c00-\\u0c7f", ("te",)), ("\\u0c80-\\u0cff", ("kn",)), ("\\u0d00-\\u0d7f", ("ml",)),
        ("\\u0d80-\\u0dff", ("si",)), ("\\u0e00-\\u0e7f", ("th",)), ("\\u0e80-\\u0eff", ("lo",)),
        ("\\u0f00-\\u0fff", ("bo",)), ("\\u1000-\\u109f", ("my",)), ("\\u10a0-\\u10ff", ("ka",)),
        ("\\u1200-\\u137f", ("am",)), ("\\u1780-\\u17ff", ("km",)),
    )
)  # fmt: skip
_UNIQUE_LETTERS: Final = tuple(
    (re.compile(f"[{letters}]"), language)
    for letters, language in (
        ("\\u3040-\\u30ff", "ja"),  # kana: a Japanese sentence may have more Han than that
        ("\\u045e", "be"),  # short u
        ("\\u0452\\u045b", "sr"),  # dje, tshe
        ("\\u049b\\u04b1", "kk"),  # ka with descender, straight u with stroke
        ("\\u067c\\u0689\\u0693\\u069a", "ps"),  # te, dal, re with ring; seen with two dots
        ("\\u00fe", "is"),  # thorn
        ("\\u0259", "az"),  # schwa
    )
)
"""Letters that tell one language from all others in its script."""
_LATIN_LETTERS: Final = re.compile("[a-z\\u00df-\\u024f\\u1e00-\\u1eff]")
_LETTERS_OF: Final = {
    **dict.fromkeys(LATIN, _LATIN_LETTERS),
    **{language: pattern for pattern, languages in _SCRIPTS for language in languages},
    "ja": re.compile(f"[{_HAN}\\u3040-\\u30ff]"),
}
"""In lower case."""
_KANJI_ALONE: Final = 8  # so many Han letters of Japanese come with kana
_LETTER: Final = re.compile(r"[^\W\d_]")


def count_letters(text: str) -> int:
    """Count letters, without combining signs."""
    return len(_LETTER.findall(text))


def script_share(text: str, language: str) -> float | None:
    """Return the share of a lower-case text's letters in a language's script; None without letters, or one script."""
    letters, pattern = count_letters(text), _LETTERS_OF.get(language)
    if not letters or pattern is None:
        return None
    return sum(map(str.isalpha, pattern.findall(text))) / letters


def candidate_languages(text: str) -> tuple[str, ...]:
    """Return the languages that a lower-case text may be in."""
    letters = count_letters(text)
    if not letters:
        return ()
    for pattern, language in _UNIQUE_LETTERS:
        if pattern.search(text):
            return (language,)
    for pattern, languages in _SCRIPTS:
        if 2 * len(pattern.findall(text)) > letters:
            return ("zh", "ja") if languages == ("zh",) and letters < _KANJI_ALONE else languages
    return LATIN
