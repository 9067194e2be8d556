"""Pre-rendered spoken fallbacks, with their texts in lines.json."""

from __future__ import annotations

import json
from enum import StrEnum
from functools import cache, lru_cache
from importlib import resources

from audio.clip import Clip
from audio.formats import Format


class Line(StrEnum):
    """A spoken fallback."""

    NOT_DOWNLOADED = "not-downloaded"
    NOT_PROCESSED = "not-processed"
    TOO_LONG = "too-long"
    NOTHING_HEARD = "nothing-heard"  # silence, or noise
    THANKS = "thanks"  # words that no engine could make out
    GOT_IT = "got-it"  # for a reply that cannot be spoken


DEFAULT_LANGUAGE = "en"
LANGUAGES = frozenset({"ar", "de", "en", "es", "fr", "hi", "it", "ja", "pt", "zh"})
"""Languages with a recording of every line."""
# Language → the recorded one best understood there.
_CLOSEST = {
    **dict.fromkeys(("ca", "eu", "gl"), "es"),
    **dict.fromkeys(("br", "ht", "ln", "mg", "oc"), "fr"),
    **dict.fromkeys(("gu", "mr", "ne", "pa", "sa", "ur"), "hi"),
    "la": "it",
    "lb": "de",
}
_FOLDER = resources.files("audio.clips")


@cache
def lines() -> dict[str, dict[str, str]]:
    """Return line → primary subtag → text."""
    words: dict[str, dict[str, str]] = json.loads((_FOLDER / "lines.json").read_text("utf-8"))
    return words


def text_of(line: Line, language: str) -> tuple[str, str]:
    """Return a line's text, and its language: the one requested, the closest, or English."""
    found = next(each for each in (language, _CLOSEST.get(language), DEFAULT_LANGUAGE) if each in lines()[line])
    return lines()[line][found], found


@lru_cache(maxsize=128)
def clip(line: Line, language: str) -> Clip:
    """Return the recording of a line, without network, ffmpeg or key."""
    _, found = text_of(line, language)
    data = (_FOLDER / f"{line}.{found}.m4a").read_bytes()
    return Clip(data, Format.M4A)
