"""Replies in a wrong language are caught; right ones never are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversation.replying.fitness import other_language
from providers.languages import KNOWN
from providers.models import local
from tests.evaluation.replies import Reply, Score, groups, score, table

FLOORS = {"replies": 0.93, "sentences": 0.92}
"""The share of wrong replies to catch: a little below today's."""
ENGLISH = "Sure, I can help you with that. Just call them tomorrow morning and ask if there is another time."


@pytest.fixture(scope="module")
def reached() -> dict[str, Score]:
    """The scores by title."""
    return {title: score(title, replies) for title, replies in groups().items()}


def _ids(reply: Reply) -> str:
    return f"{reply.language}-{reply.text[:20]}"


@pytest.mark.parametrize("reply", [reply for group in groups().values() for reply in group], ids=_ids)
def test_a_right_reply_is_let_pass(reply: Reply) -> None:
    """No reply in the right language is refused, short or long, with names, loanwords, titles and quotations."""
    assert not reply.refused()


@pytest.mark.parametrize("title", FLOORS)
def test_wrong_replies_are_caught(title: str, reached: dict[str, Score]) -> None:
    """Nearly all whole replies in a wrong language are refused, in 15 languages and more."""
    assert len({reply.language for reply in reached[title].replies}) >= 15
    assert reached[title].caught >= FLOORS[title], table(list(reached.values()))


def test_short_phrases_have_the_benefit_of_doubt(reached: dict[str, Score]) -> None:
    """A phrase of a few words is never refused: it may be a loan, a name or a quotation."""
    assert reached["short phrases"].caught == 0


@pytest.mark.parametrize("wanted", ["ar", "de", "es", "fr", "hi", "it", "ja", "pt", "zh", "nl", "pl", "tr", "ru", "ko"])
def test_a_model_that_insists_on_english_is_caught(wanted: str) -> None:
    """Answering in English, the most common mistake of models, is caught in each major language."""
    assert other_language(ENGLISH, wanted=wanted) == "en"


@pytest.mark.parametrize("wanted", ["gl", "is", "eu", "sr", "kk", "yo", "tlh", ""])
def test_what_cannot_be_told_apart_passes(wanted: str) -> None:
    """For a language that we know too little of, or with several scripts, every reply passes."""
    assert other_language(ENGLISH, wanted=wanted) is None


def test_japanese_and_chinese_are_reported_by_their_letters() -> None:
    """Chinese without kana is no Japanese, and Japanese is no Chinese, though they share letters."""
    chinese = "真是个好消息！要是我的话，我会坐九点的火车，这样你们午饭前就能看完整个展览。"
    japanese = "心配しないでください、誰にでもあることです。明日の朝に電話して聞いてみましょう。"
    assert other_language(chinese, wanted="ja") == "zh"
    assert other_language(japanese, wanted="zh") == "ja"


def test_a_translation_that_was_asked_for() -> None:
    """A reply may be in another language if the person named it, and not otherwise."""
    said = "Good morning, how are you doing today? I am very happy to see you again."
    assert other_language(said, wanted="ru", request="Скажи по-английски: доброе утро, рад тебя видеть") is None
    assert other_language(said, wanted="ru", request="Скажи: доброе утро, рад тебя видеть") == "en"


def test_our_own_replies_are_in_their_languages() -> None:
    """Each canned reply passes in its own language, and is refused in nearly every other."""
    replies = json.loads(Path(local.__file__).with_name("replies.json").read_text("utf-8"))
    assert len(replies) >= 25
    assert not [language for language, text in replies.items() if other_language(text, wanted=language)]
    wrong = [(text, wanted) for language, text in replies.items() for wanted in replies if wanted != language]
    missed = [wanted for text, wanted in wrong if other_language(text, wanted=wanted) is None]
    assert len(missed) <= 0.03 * len(wrong)


@given(
    st.text(max_size=300) | st.text("abcdeé ñçß.,!?あ漢字абвغшअक한글", max_size=300),
    st.sampled_from(sorted(KNOWN)) | st.text(max_size=4),
    st.text(max_size=40),
)
def test_any_text_has_a_verdict(text: str, wanted: str, asked: str) -> None:
    """Any text has a verdict: another known language, or none."""
    found = other_language(text, wanted=wanted, request=asked)
    assert found is None or (found in KNOWN and found != wanted)


@given(st.sampled_from(groups()["replies"]), st.sampled_from(groups()["replies"]))
def test_a_reply_with_a_quotation_passes(reply: Reply, quoted: Reply) -> None:
    """A right reply that quotes a clause in another language passes."""
    clause = quoted.text[:30]
    assert not Reply(f"{reply.text} «{clause}» {reply.text}", reply.language).refused()
