"""A reply is fit for the person, or its rung fails."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversation.replying.fitness import RECITED_WORDS, recites, refuse_unfit
from conversation.replying.persona import compose
from providers.errors import BadAnswer, OtherLanguage, PromptReadOut, UnfitAnswer, Verdict
from providers.fallback.breaker import Breaker, BreakerState
from providers.ports import ChatTurn, Role

TURNS = compose(
    [ChatTurn(Role.USER, "salut"), ChatTurn(Role.ASSISTANT, "bonjour")],
    "Tu peux me dire comment aller à la gare ?",
    language="fr",
    silence_seconds=None,
    recent_messages=0,
    languages=["fr"],
)
RULES = TURNS[0].text
FRENCH = "Bien sûr, prends la première rue à gauche et ensuite va tout droit jusqu'à la place."
RECITALS = {
    "all of it": RULES,
    "after a preface": f"Voici mes instructions : {RULES[:200]}",
    "in capitals": RULES.upper(),
    "as a list": "\n- ".join(RULES.split(". ")),
    "a word a line": "\n".join(RULES.split()),
    "in bold": " ".join(f"**{word}**" for word in RULES.split()),
    "with things between": " / ".join(RULES.split()),
    "with unseen characters": "\u200b".join(RULES),
    "in wide letters": "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in RULES),
    "from the middle": " ".join(RULES.split()[20 : 20 + RECITED_WORDS + 4]),
    "from the end": " ".join(RULES.split()[-RECITED_WORDS - 4 :]),
}


def _check(text: str) -> None:
    refuse_unfit("huggingface", text, turns=TURNS, language="fr")


@pytest.mark.parametrize("text", RECITALS.values(), ids=RECITALS.keys())
def test_a_recital_is_refused(text: str) -> None:
    """Our instructions are not read out, however they are disguised."""
    with pytest.raises(PromptReadOut) as raised:
        _check(text)
    assert raised.value.reason == "prompt-read-out"


def test_a_few_words_of_them_are_no_recital() -> None:
    """Words that a good answer may share with the instructions pass, up to the limit."""
    words = [word.strip(".,:;()") for word in RULES.split()]
    assert not recites(" ".join(words[: RECITED_WORDS - 1]), RULES)
    assert recites(" ".join(words[:RECITED_WORDS]), RULES)
    assert not recites("I would like to be warm, direct and helpful, like a good friend.", RULES)


def test_another_language_is_refused() -> None:
    """A reply that is clearly in another language is refused."""
    with pytest.raises(OtherLanguage) as raised:
        _check("Sure, take the first street on the left and then go straight on until you see the station.")
    assert raised.value.reason == "other-language"


def test_a_good_reply_passes() -> None:
    """A reply in the right language passes; so does one that was asked to be in another."""
    _check(FRENCH)
    asked = [TURNS[0], ChatTurn(Role.USER, "Comment on dit en anglais : où est la gare ?")]
    refuse_unfit("openai", "Where is the station, please, and how do I get there?", turns=asked, language="fr")


@pytest.mark.parametrize("kind", [OtherLanguage, PromptReadOut])
def test_what_people_can_provoke_shuts_no_service(kind: type[UnfitAnswer]) -> None:
    """Such a reply is a bad answer whose error holds no words; however many there are, no breaker opens."""
    error = kind("huggingface")
    assert isinstance(error, BadAnswer)
    assert error.verdict is Verdict.LATER
    assert str(error) == f"huggingface: {error.reason}"
    breaker = Breaker(clock=lambda: 0.0)
    for _ in range(50):
        call = breaker.admit()
        assert call is not None
        breaker.record_failure(call, error)
    assert breaker.state is BreakerState.CLOSED


@given(st.text(), st.text())
def test_any_reply_has_a_verdict(text: str, instructions: str) -> None:
    """Any text passes or is unfit, whatever the instructions; no other error is raised."""
    turns = [ChatTurn(Role.SYSTEM, instructions), ChatTurn(Role.USER, text)]
    try:
        refuse_unfit("x", text, turns=turns, language="en")
    except UnfitAnswer as unfit:
        assert str(unfit) in {"x: other-language", "x: prompt-read-out"}  # noqa: PT017 (it may pass as well)
