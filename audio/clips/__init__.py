"""Spoken fallbacks, pre-rendered: one M4A per line and language, and the words of each in lines.json."""

from __future__ import annotations

import json
from enum import StrEnum
from functools import cache, lru_cache
from importlib import resources

from audio.clip import Clip
from audio.formats import Format


class Line(StrEnum):
    """What there is to say when nothing better can be said."""

    NOT_DOWNLOADED = "not-downloaded"
    """The recording could not be fetched."""
    NOT_PROCESSED = "not-processed"
    """The recording could not be decoded."""
    TOO_LONG = "too-long"
    """The recording is longer or larger than the limit."""
    NOTHING_HEARD = "nothing-heard"
    """Silence, or noise without words."""
    THANKS = "thanks"
    """There are words, but no engine could make them out."""
    GOT_IT = "got-it"
    """The short line, when the reply itself cannot be spoken."""


DEFAULT_LANGUAGE = "en"
LANGUAGES = frozenset({"ar", "de", "en", "es", "fr", "hi", "it", "ja", "pt", "zh"})
"""Those that every line is spoken in."""
_CLOSEST = {
    **dict.fromkeys(("ca", "eu", "gl"), "es"),
    **dict.fromkeys(("br", "ht", "ln", "mg", "oc"), "fr"),
    **dict.fromkeys(("gu", "mr", "ne", "pa", "sa", "ur"), "hi"),
    "la": "it",
    "lb": "de",
}
"""Languages without a recording, each with the one that is understood best where it is spoken."""
_FOLDER = resources.files("audio.clips")


@cache
def lines() -> dict[str, dict[str, str]]:
    """Give the words: line → language (primary subtag) → text."""
    words: dict[str, dict[str, str]] = json.loads((_FOLDER / "lines.json").read_text("utf-8"))
    return words


def words(line: Line, language: str) -> tuple[str, str]:
    """Give a line in a language, and the one that it is really in: the closest that there is, English failing that."""
    found = next(each for each in (language, _CLOSEST.get(language), DEFAULT_LANGUAGE) if each in lines()[line])
    return lines()[line][found], found


@lru_cache(maxsize=128)
def clip(line: Line, language: str) -> Clip:
    """Give the recording of a line, ready to be sent; asks no network, no ffmpeg and no key."""
    _, found = words(line, language)
    data = (_FOLDER / f"{line}.{found}.m4a").read_bytes()
    return Clip(data, Format.M4A)
