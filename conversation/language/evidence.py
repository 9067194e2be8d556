"""Evidence for a language: lists of everyday words, and langdetect's n-grams.

langdetect samples n-grams at random, and of three words is too sure; so in a short text each counts once.
"""

from __future__ import annotations

import math
import re
import unicodedata
from array import array
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from langdetect import DetectorFactory
from langdetect.detector_factory import PROFILES_DIRECTORY
from langdetect.lang_detect_exception import LangDetectException
from langdetect.utils.ngram import NGram

from providers import languages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DetectorFactory.seed = 0  # unseeded, results differ from process to process

WORD_LISTS: Final = resources.files(__package__) / "words"
"""One file a language."""
_WORD_WEIGHT: Final = 3.0  # in log odds, as all weights here
_NGRAM_WEIGHT: Final = 0.25  # N-grams overlap, so each counts in part
_SMOOTHING: Final = 5e-5  # langdetect's own figure
_SURE: Final = 0.70
_BETWEEN_WORDS: Final = re.compile(r"[\s'’\-.,;:!?¡¿…\"„“”«»()/، ؟؛۔।，。！？、]+")  # noqa: RUF001 (marks of many scripts)


def load() -> None:
    """Load everything, in a third of a second: call it in a thread, at start."""
    _vocabulary()
    _columns()
    languages.load()


def lowercase(text: str) -> str:
    """Return text in lower case, composed, as in the word lists."""
    lower = unicodedata.normalize("NFC", text.lower())
    return lower.replace("i\u0307", "i")  # what Python makes of the Turkish capital I with its dot


def split_words(text: str) -> list[str]:
    """Split lower-case text, elisions too ("j'arrive": "j", "arrive")."""
    return [word for word in _BETWEEN_WORDS.split(text) if word]


def languages_with(word: str) -> frozenset[str]:
    """Return the languages with a word among their everyday ones."""
    return _vocabulary().get(word, frozenset())


def weigh_words(text: str, candidates: Sequence[str]) -> dict[str, float]:
    """Return each language's weight by the everyday words of a text."""
    words = [languages_with(word) for word in split_words(text)]
    return {code: _WORD_WEIGHT * sum(code in each for each in words) for code in candidates}


def likeliest_by_ngrams(text: str, weights: Mapping[str, float]) -> str:
    """Return the likeliest language of a short text, each n-gram counted once."""
    known = _factory().word_lang_prob_map
    ngrams = [known[ngram] for ngram in _ngrams(text) if ngram in known]

    def likelihood(code: str) -> float:
        columns = _columns().get(code, ())
        return max((sum(math.log(_SMOOTHING + ngram[column]) for ngram in ngrams) for column in columns), default=0.0)

    return max(weights, key=lambda code: weights[code] + _NGRAM_WEIGHT * likelihood(code))


def detect(text: str, weights: Mapping[str, float]) -> str | None:
    """Return langdetect's choice, with the weights as prior; None if it is not sure."""
    factory = _factory()
    detector = factory.create()
    most = max(weights.values())  # odds are relative to the best, lest they overflow
    odds = {code: math.exp(weight - most) for code, weight in weights.items()}
    detector.set_prior_map({tag: odds.get(_subtag(tag), 0.0) for tag in factory.get_lang_list()})
    try:
        detector.append(text)
        best = detector.get_probabilities()[:1]
    except LangDetectException:  # no n-gram is known
        return None
    return _subtag(best[0].lang) if best and best[0].prob >= _SURE else None


def _subtag(tag: str) -> str:
    return tag.partition("-")[0]  # langdetect has "zh-cn"


def _ngrams(text: str) -> list[str]:
    window, ngrams = NGram(), []
    for character in f"{NGram.normalize_vi(text)} ":  # the space after the last word ends it
        window.add_char(character)
        ngrams += [ngram for length in range(1, NGram.N_GRAM + 1) if (ngram := window.get(length)) and ngram != " "]
    return ngrams


@cache
def _vocabulary() -> dict[str, frozenset[str]]:
    languages_of: dict[str, set[str]] = {}
    for file in WORD_LISTS.iterdir():
        code, _, suffix = file.name.partition(".")
        if suffix == "txt":
            for word in split_words(lowercase(file.read_text("utf-8"))):
                languages_of.setdefault(word, set()).add(code)
    return {word: frozenset(codes) for word, codes in languages_of.items()}


@cache
def _factory() -> DetectorFactory:
    factory = DetectorFactory()
    factory.word_lang_prob_map = _CompactProfiles()
    factory.load_profile(PROFILES_DIRECTORY)
    return factory


@cache
def _columns() -> dict[str, list[int]]:
    """Return each language's columns; Chinese has two."""
    columns: dict[str, list[int]] = {}
    for column, tag in enumerate(_factory().get_lang_list()):
        columns.setdefault(_subtag(tag), []).append(column)
    return columns


class _CompactProfiles(dict[str, Any]):
    """55 probabilities for each of 90,000 n-grams: a third of the 60 MB of float lists."""

    def __setitem__(self, ngram: str, probabilities: Sequence[float]) -> None:
        super().__setitem__(ngram, array("f", probabilities))
