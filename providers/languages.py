"""The languages we know, with their names and codes, from CLDR (Babel)."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

KNOWN: Final = frozenset({
    "af", "am", "ar", "as", "az", "ba", "be", "bg", "bn", "bo", "br", "bs", "ca", "cs", "cy", "da", "de", "el",
    "en", "es", "et", "eu", "fa", "fi", "fo", "fr", "gl", "gu", "ha", "he", "hi", "hr", "ht", "hu", "hy", "id",
    "is", "it", "ja", "jv", "ka", "kk", "km", "kn", "ko", "la", "lb", "ln", "lo", "lt", "lv", "mg", "mi", "mk",
    "ml", "mn", "mr", "ms", "mt", "my", "ne", "nl", "nn", "no", "oc", "pa", "pl", "ps", "pt", "ro", "ru", "sa",
    "sd", "si", "sk", "sl", "sn", "so", "sq", "sr", "su", "sv", "sw", "ta", "te", "tg", "th", "tk", "tl", "tr",
    "tt", "uk", "ur", "uz", "vi", "yi", "yo", "zh",
})  # fmt: skip
"""Whisper's and langdetect's."""
_NAMES: Final = {"bn": "Bengali", "mi": "Maori", "nn": "Nynorsk"}  # Whisper's names, where CLDR's differ
_ALIASES: Final = {
    "nb": "no", "nob": "no", "fil": "tl", "tgl": "tl", "yue": "zh", "myanmar": "my", "mandarin": "zh",
    "cantonese": "zh", "flemish": "nl", "castilian": "es",
}  # fmt: skip
"""Not in CLDR; most are Whisper's (https://github.com/openai/whisper/blob/main/whisper/tokenizer.py)."""


def primary_subtag(language: object) -> str | None:
    """Return the primary subtag ("en") of a tag, code or English name; else None.

    ElevenLabs reports ISO 639-3 (https://elevenlabs.io/docs/api-reference/speech-to-text/convert), Whisper servers
    "english" or "en".
    """
    if not isinstance(language, str):
        return None
    text = language.strip().lower()
    head = re.split(r"[-_]", text, maxsplit=1)[0]
    return head if head in KNOWN else _subtags().get(text)


def english_name(subtag: str) -> str:
    """Return a known language's English name; else the subtag."""
    return _names().get(subtag, subtag)


def load() -> None:
    """Load CLDR, in 30 ms: in a thread, before the first memo."""
    _subtags()


@cache
def _names() -> Mapping[str, str]:
    from babel import Locale  # noqa: PLC0415 (CLDR takes 30 ms that no start should wait for)

    names = Locale("en").languages
    return {subtag: _NAMES.get(subtag, names[subtag]) for subtag in KNOWN}


@cache
def _subtags() -> Mapping[str, str]:
    from babel.core import get_global  # noqa: PLC0415 (the same)

    aliases = {alias: subtag for alias, subtag in get_global("language_aliases").items() if subtag in KNOWN}
    return {**aliases, **_ALIASES, **{name.lower(): subtag for subtag, name in _names().items()}}
