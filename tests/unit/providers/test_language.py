"""Which language was spoken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.language import identify, primary
from providers.language_names import NAMES

SENTENCES = [
    ("Could you tell me what the weather is going to be like tomorrow?", "en"),
    ("Bonjour, est-ce que tu peux me dire quel temps il fait aujourd'hui ?", "fr"),
    ("Hola, ¿a qué hora sale el tren mañana por la mañana?", "es"),
    ("Ich gehe heute Abend einkaufen, brauchst du noch etwas?", "de"),
    ("Ciao, puoi richiamarmi quando hai un po' di tempo?", "it"),
    ("Oi, você pode me ligar quando tiver tempo amanhã?", "pt"),
    ("Kun je me terugbellen wanneer je tijd hebt vanavond?", "nl"),
    ("Czy możesz do mnie zadzwonić, kiedy będziesz miał czas?", "pl"),
    ("नमस्ते, क्या आप मुझे बता सकते हैं कि आज मौसम कैसा है?", "hi"),
    ("مرحبا، هل يمكنك أن تخبرني كيف الطقس اليوم؟", "ar"),
    ("你好，请告诉我今天天气怎么样？", "zh"),
    ("こんにちは、今日の天気を教えてください。", "ja"),
    ("안녕하세요, 오늘 날씨가 어떤가요?", "ko"),
    ("Здравствуйте, какая сегодня погода?", "ru"),
]


@pytest.mark.parametrize(("text", "language"), SENTENCES)
def test_sentences_are_told_apart(text: str, language: str) -> None:
    """A whole sentence is told by itself, whatever the default is."""
    assert identify(text, reported=None, last=None, default="en") == language


def test_what_is_reported_is_believed() -> None:
    """The recogniser heard the sound, so it is believed first, in whichever way it writes its tag."""
    assert identify("hola", reported="pt-BR", last="es", default="en") == "pt"
    assert identify("hola", reported="no such tag", last="es", default="en") == "es"


def test_short_words_are_in_the_last_language() -> None:
    """A few letters say little: the person's last language says more."""
    assert identify("hola", reported=None, last="es", default="en") == "es"
    assert identify("ok", reported=None, last="fr", default="en") == "fr"


def test_script_goes_before_history() -> None:
    """A script that the last language is not written in is another language; one that it is written in is not."""
    assert identify("हाँ", reported=None, last="en", default="en") == "hi"
    assert identify("हो", reported=None, last="mr", default="en") == "mr"


def test_nothing_to_go_by() -> None:
    """Without letters it is the last language, else the default."""
    assert identify("123 !!!", reported=None, last=None, default="de") == "de"
    assert identify("", reported=None, last="fr", default="de") == "fr"


@pytest.mark.parametrize(
    ("tag", "code"),
    [("en", "en"), ("en-US", "en"), ("EN_us", "en"), ("English", "en"), ("zh-cn", "zh"), ("xx", None), ("", None)],
)
def test_primary_subtags(tag: str, code: str | None) -> None:
    """Tags and English names become primary subtags, and nothing else does."""
    assert primary(tag) == code


@given(st.text(), st.sampled_from([None, "fr", "hi"]))
def test_identify_is_total_and_steady(text: str, last: str | None) -> None:
    """Any text gets a language that we know, the same one each time."""
    found = identify(text, reported=None, last=last, default="en")
    assert found in NAMES
    assert found == identify(text, reported=None, last=last, default="en")
