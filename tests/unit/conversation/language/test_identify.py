"""Identification of the language of a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversation.language.identify import identify_language
from providers.languages import KNOWN

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
def test_sentences_are_reported_apart(text: str, language: str) -> None:
    """A whole sentence is identified by itself, whatever the default."""
    assert identify_language(text, reported=None, last=None, default="en") == language


def test_what_is_reported_is_believed() -> None:
    """The recogniser's result is believed first, however it writes its tag."""
    assert identify_language("hola", reported="pt-BR", last="es", default="en") == "pt"
    assert identify_language("hola", reported="no such tag", last="es", default="en") == "es"


def test_short_words_are_in_the_last_language() -> None:
    """A few letters prove little: the person's last language decides."""
    assert identify_language("hola", reported=None, last="es", default="en") == "es"
    assert identify_language("ok", reported=None, last="fr", default="en") == "fr"


def test_a_plain_sentence_leaves_the_last_language() -> None:
    """One turn in a language does not bind a person to it, in lower case or capitals."""
    for text in ("Ich komme heute eine halbe Stunde später.", "ICH BIN GLEICH DA UND BRINGE KUCHEN MIT"):
        assert identify_language(text, reported=None, last="en", default="en") == "de"


@pytest.mark.parametrize("text", ["danke", "ok ciao", "Anna Schmidt", "New York", "bonjour madame"])
def test_a_loan_or_a_name_does_not(text: str) -> None:
    """One word of another language, or a name, is no change of language; two everyday words are."""
    assert identify_language(text, reported=None, last="en", default="en") == "en"
    assert identify_language("danke schön", reported=None, last="en", default="en") == "de"


def test_latin_letters_are_everybodys() -> None:
    """A speaker of Russian writes "ok" in Latin letters, too."""
    assert identify_language("ok", reported=None, last="ru", default="en") == "ru"
    assert identify_language("See you tomorrow at the station.", reported=None, last="ru", default="de") == "en"


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("Saya tidak boleh datang esok kerana perlu bekerja.", "ms"),
        ("Видимо се сутра увече испред биоскопа.", "sr"),
        ("了解", "ja"),
    ],
)
def test_what_cannot_be_told_apart_stays(text: str, last: str) -> None:
    """A language that langdetect does not know is not lost to a similar one."""
    assert identify_language(text, reported=None, last=last, default="en") == last


@pytest.mark.parametrize(
    ("text", "language"),
    [("Дзякуй, я ўжо дома", "be"), ("Већ идем кући", "sr"), ("今日は何時に着きますか", "ja"), ("გამარჯობა", "ka")],
)
def test_letters_that_tell(text: str, language: str) -> None:
    """Letters of one language alone are believed over any history."""
    assert identify_language(text, reported=None, last="ru", default="en") == language


def test_many_han_letters_without_kana_are_chinese() -> None:
    """Few may be Japanese, if that was the last language; many may not."""
    assert identify_language("明天早上八点在车站见面吧", reported=None, last="ja", default="en") == "zh"


def test_the_turkish_capital_i() -> None:
    """A dotted capital I equals the small letter."""
    assert identify_language("İyi geceler", reported=None, last="de", default="en") == "tr"


def test_script_goes_before_history() -> None:
    """A script foreign to the last language means another language; its own script does not."""
    assert identify_language("हाँ", reported=None, last="en", default="en") == "hi"
    assert identify_language("हो", reported=None, last="mr", default="en") == "mr"


def test_nothing_to_go_by() -> None:
    """Without letters the result is the last language, else the default."""
    assert identify_language("123 !!!", reported=None, last=None, default="de") == "de"
    assert identify_language("", reported=None, last="fr", default="de") == "fr"


@given(st.text(), st.sampled_from([None, "fr", "hi"]))
def test_identify_is_total_and_steady(text: str, last: str | None) -> None:
    """Any text has a known language, the same each time."""
    found = identify_language(text, reported=None, last=last, default="en")
    assert found in KNOWN
    assert found == identify_language(text, reported=None, last=last, default="en")
