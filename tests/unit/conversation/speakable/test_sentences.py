"""A reply is split into sentences while it is written; nothing is lost, and blocks stay whole."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conversation.speakable import speakable
from conversation.speakable.length import count_words
from conversation.speakable.sentences import Sentences, join_sentences, split_sentences


def cut(text: str, *, language: str = "en", size: int = 3, max_words: int = 80) -> list[str]:
    """Feed a text in pieces of `size` characters."""
    sentences = Sentences(language, max_words)
    said = [sentence for at in range(0, len(text), size) for sentence in sentences.feed(text[at : at + size])]
    return said + sentences.end()


@pytest.mark.parametrize(
    ("language", "text", "said"),
    [
        ("en", "Hi there! How are you? Fine.", ["Hi there!", "How are you?", "Fine."]),
        ("en", "Ask Dr. Smith, e.g. today. Or J. R. Hart.", ["Ask Doctor Smith, for example today.", "Or J. R. Hart."]),
        ("de", "Am 21. November. Gut, z. B. Montag. Ja.", ["Am 21. November.", "Gut, zum Beispiel Montag.", "Ja."]),
        ("en", "It costs 3.5 euros. Really.", ["It costs 3.5 euros.", "Really."]),
        ("zh", "你好。我很好!你呢?好", ["你好。", "我很好!你呢?好"]),
        ("hi", "नमस्ते। आप कैसे हैं?", ["नमस्ते।", "आप कैसे हैं?"]),
        ("ar", "مرحبا. كيف حالك؟ بخير.", ["مرحبا.", "كيف حالك؟", "بخير."]),
        ("en", "No end", ["No end"]),
        ("en", "", []),
        ("en", "😀\n\n", []),
        ("en", "One paragraph\n\nAnother one", ["One paragraph", "Another one"]),
        ("en", "Sure:\n1. Mix it.\n2. Bake it.\nEnjoy!", ["Sure:", "Mix it. Bake it.", "Enjoy!"]),
        ("en", "Sure:\n\n- milk\n\n- eggs\n\nEnjoy!", ["Sure:", "milk, eggs.", "Enjoy!"]),
        ("en", "Run this. ```\nrm it. Now.\n``` Done.", ["Run this.", "Done."]),
        ("en", "**Bold. Claim.** Yes.", ["Bold.", "Claim. Yes."]),
    ],
)
def test_sentences(language: str, text: str, said: list[str]) -> None:
    """Sentences end where readers expect; lists and code are one piece, whatever the pieces."""
    for size in (1, 4, len(text) + 1):
        assert cut(text, language=language, size=size) == said, size


def test_first_sentence_is_soon() -> None:
    """A sentence is returned as soon as the next one begins."""
    sentences = Sentences("en")
    assert sentences.feed("Hello there.") == []
    assert sentences.feed(" ") == []
    assert sentences.feed("W") == ["Hello there."]


def test_too_long() -> None:
    """Excess sentences are left out whole; only a first one that is too long is shortened."""
    assert cut("One two three. Four five six. Seven.", max_words=5) == ["One two three."]
    assert cut("One two, three four, five six.", max_words=5) == ["One two, three four."]
    sentences = Sentences("en", 3)
    assert sentences.feed("One two three. Four ") == ["One two three."]
    assert sentences.full
    assert sentences.feed("five six. Seven. Eight ") == []
    assert sentences.end() == []


WORDS = st.sampled_from(["hello", "no", "I", "see", "Über", "3", "21", "Dr", "e.g", "well"])
MARKS = st.sampled_from([" ", ". ", "! ", "? ", ", ", "… "])


@given(st.lists(st.tuples(WORDS, MARKS), max_size=30), st.integers(1, 9))
def test_nothing_is_lost(text: list[tuple[str, str]], size: int) -> None:
    """Split or whole, and in whatever pieces, the text has the same words."""
    whole = "".join(word + mark for word, mark in text)
    said = cut(whole, size=size, max_words=10_000)
    assert join_sentences(said, "en").split() == speakable(whole, language="en", max_words=10_000).split()
    assert said == cut(whole, size=10_000, max_words=10_000)


@example("»: 0%", 40, 1)  # a mark that ends a clause, and no word before it
@example("! one two", 40, 1)
@given(st.text(max_size=200), st.integers(1, 40), st.integers(1, 12))
def test_any_text(text: str, size: int, most: int) -> None:
    """Any text has at most so many words, and no sentence without one."""
    said = cut(text, size=size, max_words=most)
    assert sum(count_words(sentence) for sentence in said) <= most
    assert all(any(character.isalnum() for character in sentence) for sentence in said)


@given(st.lists(st.tuples(WORDS, MARKS), max_size=30))
def test_split_and_joined(text: list[tuple[str, str]]) -> None:
    """A text that is split and joined has the same words."""
    whole = "".join(word + mark for word, mark in text).strip()
    assert join_sentences(split_sentences(whole), "en").split() == whole.split()
