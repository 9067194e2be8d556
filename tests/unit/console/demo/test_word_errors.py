"""The word-error rate, counted: known examples, and what holds of any texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.demo.recognise import word_errors

WORDS = st.lists(st.sampled_from(["we", "went", "to", "the", "sea", "don't"]), max_size=8)


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("Hello there.", "hello there", 0),
        ("Hello there.", "", 2),
        ("I'm home", "i'm at home", 1),
        ("I\N{RIGHT SINGLE QUOTATION MARK}m home", "i'm home", 0),
        ("one two three", "one too three four", 2),
        ("a b", "c d e", 3),
        ("we went to the sea", "went to the sea", 1),
        ("we went to the sea", "the sea we went to", 4),
    ],
)
def test_word_errors(said: str, heard: str, errors: int) -> None:
    """Words that are replaced, left out or added are counted; case, punctuation and the kind of apostrophe are not."""
    assert word_errors(said, heard) == (errors, len(said.split()))


def test_digits_and_signs_are_no_words() -> None:
    """What is not written in letters counts neither as said nor as wrong."""
    assert word_errors("At 5, - & go!", "at go") == (0, 2)
    assert word_errors("", "") == (0, 0)


@given(said=WORDS, heard=WORDS, left_out=st.integers(0, 8))
def test_it_is_a_distance(said: list[str], heard: list[str], left_out: int) -> None:
    """It is the same both ways, at least the difference in length and at most the longer text; each gap counts one."""
    errors, words = word_errors(" ".join(said), " ".join(heard))
    assert words == len(said)
    assert errors == word_errors(" ".join(heard), " ".join(said))[0]
    assert abs(len(said) - len(heard)) <= errors <= max(len(said), len(heard))
    kept = said[left_out:]
    assert word_errors(" ".join(said), " ".join(kept))[0] == len(said) - len(kept)
