"""Floors for language identification, and the word lists behind it."""

from __future__ import annotations

import time
import unicodedata
from pathlib import Path

import pytest

from conversation.language.evidence import WORD_LISTS, lowercase, split_words
from conversation.language.identify import identify_language
from conversation.language.scripts import LATIN, candidate_languages
from tests.evaluation.language import Score, groups, scores, table

FLOORS = {
    "short, after one turn in it": 58,
    "short, no history": 56,
    "unseen short, after one turn in it": 57,
    "unseen short, no history": 54,
    "sentences, after one turn in it": 30,
    "sentences, no history": 29,
    "sentences, after another language": 23,
    "short and plain, after another language": 11,
    "a word that says little: stays": 8,
}
"""Least of 60, 60, 60, 60, 30, 30, 24, 12 and 8: a little below today's scores, to leave room for new word lists."""
LISTS = sorted(Path(str(WORD_LISTS)).glob("*.txt"))


@pytest.fixture(scope="module")
def reached() -> dict[str, Score]:
    """The scores by title."""
    return {score.title: score for score in scores()}


@pytest.mark.parametrize("title", FLOORS)
def test_the_floor_holds(title: str, reached: dict[str, Score]) -> None:
    """No group of phrases scores lower than its floor."""
    assert reached.keys() == FLOORS.keys()
    assert reached[title].right >= FLOORS[title], table([reached[title]])


def test_the_evaluation_is_as_wide_as_it_says() -> None:
    """60 short phrases of one to four words and 30 sentences, in 15 languages or more; 20 changes of language."""
    cases = groups()
    for title, count in (("short, no history", 60), ("unseen short, no history", 60), ("sentences, no history", 30)):
        assert len({case.text for case in cases[title]}) == count
        assert len({case.wanted for case in cases[title]}) >= 15
    assert all(len(case.text.split()) <= 4 for title in cases if "short" in title for case in cases[title])
    assert len(cases["sentences, after another language"]) >= 20


def test_no_history_imprisons() -> None:
    """A whole sentence is identified whatever the person spoke before."""
    sentences = groups()["sentences, no history"]
    histories = sorted({case.wanted for case in sentences})
    for case in sentences:
        identified = {identify_language(case.text, reported=None, last=last, default="en") for last in histories}
        assert identified == {case.wanted}, case.text


def test_a_short_phrase_costs_little() -> None:
    """Identification takes about a millisecond; the bound leaves room for a busy machine."""
    cases = groups()["short, no history"]
    cases[0].identified()  # loads the profiles
    begun = time.process_time()
    for case in cases:
        case.identified()
    assert (time.process_time() - begun) / len(cases) < 0.005


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_word_lists_are_well_kept(path: Path) -> None:
    """A list is named after a distinguishable language; its words are lower case, unique, and each in one script."""
    words = path.read_text("utf-8").split()
    assert len(words) == len(set(words))
    assert lowercase(" ".join(words)) == " ".join(words)
    assert path.stem in {*LATIN, *candidate_languages(" ".join(words))}
    for word in split_words(" ".join(words)):
        assert len({unicodedata.name(letter).split()[0] for letter in word if letter.isalpha()}) <= 1, word
