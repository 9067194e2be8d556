"""What speaks for a language: everyday words of ours, and the n-grams of langdetect. Each is loaded once.

langdetect's own detector draws n-grams by chance, again and again. In a long text that evens out; of three words it
draws each n-gram a hundred times over, and is then sure of what it knows little about. So a short text is not drawn
from: each of its n-grams counts, once.
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

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DetectorFactory.seed = 0  # unseeded, the same text is told apart differently from process to process

_WORD: Final = 3.0
"""How much one everyday word says for its language, as the logarithm of odds (as all weights here)."""
_GRAM: Final = 0.25
"""N-grams overlap, so that each says a part of what its probability does."""
_SMOOTH: Final = 5e-5
"""What an n-gram that a language does not have counts as; it is langdetect's figure."""
_SURE: Final = 0.70
_BETWEEN_WORDS: Final = re.compile(r"[\s'’\-.,;:!?¡¿…\"„“”«»()/، ؟؛۔।，。！？、]+")  # noqa: RUF001 (marks of many scripts)
_NOBODY: Final[frozenset[str]] = frozenset()


def load() -> None:
    """Read words and profiles, for a third of a second: in a thread, before the first memo has to wait for it."""
    _vocabulary()
    _columns()


def plain(text: str) -> str:
    """Give a text in lower case, composed: as the word lists are written."""
    lower = unicodedata.normalize("NFC", text.lower())
    return lower.replace("i\u0307", "i")  # what Python makes of the Turkish capital I with its dot


def words_of(text: str) -> list[str]:
    """Split a plain text into words; what is elided stands alone ("j'arrive": "j", "arrive")."""
    return [word for word in _BETWEEN_WORDS.split(text) if word]


def speakers(word: str) -> frozenset[str]:
    """Say which languages have a word among their everyday ones."""
    return _vocabulary().get(word, _NOBODY)


def weigh_words(text: str, languages: Sequence[str]) -> dict[str, float]:
    """Say how much the everyday words of a plain text speak for each language."""
    heard = [speakers(word) for word in words_of(text)]
    return {code: _WORD * sum(code in who for who in heard) for code in languages}


def read_through(text: str, weights: Mapping[str, float]) -> str:
    """Give the likeliest of some languages for a short plain text: the weights that they have, and each n-gram once."""
    factory = _factory()
    grams = [factory.word_lang_prob_map[gram] for gram in _grams(text) if gram in factory.word_lang_prob_map]

    def likelihood(code: str) -> float:
        columns = _columns().get(code, ())
        return max((sum(math.log(_SMOOTH + gram[column]) for gram in grams) for column in columns), default=0.0)

    return max(weights, key=lambda code: weights[code] + _GRAM * likelihood(code))


def detect(text: str, weights: Mapping[str, float]) -> str | None:
    """Ask langdetect which of some languages a longer plain text is in; None where it is not sure."""
    factory = _factory()
    detector = factory.create()
    most = max(weights.values())  # odds are taken beside the best, lest they overflow
    odds = {code: math.exp(weight - most) for code, weight in weights.items()}
    detector.set_prior_map({tag: odds.get(_code(tag), 0.0) for tag in factory.get_lang_list()})
    try:
        detector.append(text)
        best = detector.get_probabilities()[:1]
    except LangDetectException:  # nothing in it that it knows
        return None
    return _code(best[0].lang) if best and best[0].prob >= _SURE else None


def _code(tag: str) -> str:
    """Give the primary subtag: langdetect says "zh-cn"."""
    return tag.partition("-")[0]


def _grams(text: str) -> list[str]:
    window, grams = NGram(), []
    for character in f"{NGram.normalize_vi(text)} ":  # the space after the last word ends it
        window.add_char(character)
        grams += [gram for length in range(1, NGram.N_GRAM + 1) if (gram := window.get(length)) and gram != " "]
    return grams


@cache
def _vocabulary() -> dict[str, frozenset[str]]:
    """Read the words: a file for each language."""
    found: dict[str, set[str]] = {}
    for file in resources.files("providers").joinpath("words").iterdir():
        code, _, kind = file.name.partition(".")
        if kind == "txt":
            for word in words_of(plain(file.read_text("utf-8"))):
                found.setdefault(word, set()).add(code)
    return {word: frozenset(codes) for word, codes in found.items()}


@cache
def _factory() -> DetectorFactory:
    factory = DetectorFactory()
    factory.word_lang_prob_map = _Compact()
    factory.load_profile(PROFILES_DIRECTORY)
    return factory


@cache
def _columns() -> dict[str, list[int]]:
    """Say where each language's probabilities stand; Chinese has two columns."""
    columns: dict[str, list[int]] = {}
    for column, tag in enumerate(_factory().get_lang_list()):
        columns.setdefault(_code(tag), []).append(column)
    return columns


class _Compact(dict[str, Any]):
    """55 probabilities for each of 90,000 n-grams: 60 MB as lists of floats, as arrays a third of that."""

    def __setitem__(self, gram: str, probabilities: Sequence[float]) -> None:
        super().__setitem__(gram, array("f", probabilities))
