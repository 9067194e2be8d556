"""Which language was spoken. Pure, but for the profiles of langdetect, which load once."""

from __future__ import annotations

import re
from array import array
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from langdetect import DetectorFactory
from langdetect.detector_factory import PROFILES_DIRECTORY
from langdetect.lang_detect_exception import LangDetectException

from providers.language_names import NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

DetectorFactory.seed = 0  # unseeded, the same text is told apart differently from process to process

_SHORT_LETTERS: Final = 12
"""Below this many letters statistics know less than the person's last language does."""
_SURE: Final = 0.70
_PRIOR: Final = 4.0
"""How much likelier the person's last language is than another, before a word is looked at."""
_COMMON: Final = frozenset({"de", "en", "es", "fr", "id", "it", "nl", "pl", "pt", "sv", "tr", "vi"})
"""The languages in Latin letters that most memos are in; a rare one must be spoken plainly to be believed."""
_RARE_PRIOR: Final = 0.1
_LONGEST: Final = 2000
_SCRIPTS: Final = (
    (re.compile("[\\u3040-\\u30ff]"), "ja"),  # kana
    (re.compile("[\\uac00-\\ud7af]"), "ko"),
    (re.compile("[\\u4e00-\\u9fff]"), "zh"),  # Han, where there is no kana
    (re.compile("[\\u0900-\\u097f]"), "hi"),
    (re.compile("[\\u0980-\\u09ff]"), "bn"),
    (re.compile("[\\u0a00-\\u0a7f]"), "pa"),
    (re.compile("[\\u0a80-\\u0aff]"), "gu"),
    (re.compile("[\\u0b80-\\u0bff]"), "ta"),
    (re.compile("[\\u0c00-\\u0c7f]"), "te"),
    (re.compile("[\\u0600-\\u06ff]"), "ar"),
    (re.compile("[\\u0370-\\u03ff]"), "el"),
    (re.compile("[\\u0590-\\u05ff]"), "he"),
    (re.compile("[\\u0e00-\\u0e7f]"), "th"),
    (re.compile("[\\u0400-\\u04ff]"), "ru"),
)
"""Scripts, each with the most spoken language that is written in it."""
_SHARED_SCRIPT: Final = {
    "mr": "hi",
    "ne": "hi",
    "fa": "ar",
    "ur": "ar",
    "uk": "ru",
    "bg": "ru",
    "mk": "ru",
}
"""Other languages of those scripts."""
_LETTER: Final = re.compile(r"[^\W\d_]")
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
        last: what the person spoke last, believed when the text is short.
        default: the last resort.

    Returns:
        A primary subtag.
    """
    said = primary(reported)
    if said is not None:
        return said
    written = _by_script(text)
    if written is not None:
        return last if last is not None and _SHARED_SCRIPT.get(last) == written else written
    if last is not None and len(_LETTER.findall(text)) < _SHORT_LETTERS:
        return last
    return _detected(text[:_LONGEST], last or default) or last or default


def _by_script(text: str) -> str | None:
    """Tell by the script that most letters are in, where that tells; None for Latin letters."""
    letters = len(_LETTER.findall(text))
    for pattern, code in _SCRIPTS:
        if 2 * len(pattern.findall(text)) > letters > 0:
            return code
        if code == "ja" and pattern.search(text):
            return code
    return None


@cache
def _factory() -> DetectorFactory:
    factory = DetectorFactory()
    factory.word_lang_prob_map = _Compact()
    factory.load_profile(PROFILES_DIRECTORY)
    return factory


class _Compact(dict[str, Any]):
    """55 probabilities for each of 90,000 n-grams: 60 MB as lists of floats, as arrays a third of that."""

    def __setitem__(self, gram: str, probabilities: Sequence[float]) -> None:
        super().__setitem__(gram, array("f", probabilities))


def _detected(text: str, likely: str) -> str | None:
    factory = _factory()
    detector = factory.create()
    detector.set_prior_map({code: _prior(code, likely) for code in factory.get_lang_list()})
    try:
        detector.append(text)
        best = detector.get_probabilities()[:1]
    except LangDetectException:  # no letters in it
        return None
    return primary(best[0].lang) if best and best[0].prob >= _SURE else None


def _prior(code: str, likely: str) -> float:
    if code == likely:
        return _PRIOR
    return 1.0 if code in _COMMON else _RARE_PRIOR
