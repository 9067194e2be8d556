"""Text normalisation for voices: numbers, times, money, units, abbreviations, addresses, markup, length."""

from __future__ import annotations

import subprocess
import sys
import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversation.speakable import speakable
from conversation.speakable.cldr import COMPACT, large_number, quantity
from conversation.speakable.signs import SIGN_NAMES

SAID = [
    # grouped numbers
    ("en", "1,234.56 of 1,234 and 1.234,56", "1234.56 of 1234 and 1234.56"),
    ("de", "1.234,56 oder 1.234 oder 1,234", "1234,56 oder 1234 oder 1,234"),
    ("es", "1.234.567 y 1,234 y 1.234", "1234567 y 1,234 y 1.234"),
    ("fr", "10 000 et 1\u202f234,5 et 12 345,67", "10000 et 1234,5 et 12345,67"),
    ("hi", "1,23,456 लोग", "123456 लोग"),
    ("en", "1,000,000 or 3.5M", "1 million or 3.5 million"),
    ("ja", "3,500,000円", "350万円"),
    # times
    ("en", "At 12:30, 9:05, 5pm, 5:30 p.m. or 12:00.", "At 12 30, 9 oh 5, 5 PM, 5 30 PM or 12 o'clock."),
    ("en", "We met at 5 p.m. Then we left.", "We met at 5 PM. Then we left."),
    ("en", "Open 9-5pm.", "Open 9 to 5 PM."),
    ("de", "um 12:30 Uhr oder 8:00", "um 12 Uhr 30 oder 8 Uhr"),
    ("fr", "à 17h30, 17 h ou 1:00", "à 17 heures 30, 17 heures ou 1 heure"),
    ("es", "a las 12:30", "a las 12 y 30"),
    ("it", "alle 12:30", "alle 12 e 30"),
    ("pt", "às 14h30 e 14:00", "às 14 e 30 e 14 horas"),
    ("hi", "12:30 बजे", "12 बजकर 30 मिनट"),
    ("ar", "الساعة 12:30", "الساعة 12 و30 دقيقة"),
    ("zh", "下午3:30", "下午3点30分"),
    ("ja", "12:30に", "12時30分に"),
    # dates
    ("en", "2026-11-21, 21/11/2026, 11/21/2026", "November 21, 2026, November 21, 2026, November 21, 2026"),
    ("en", "03/04/2026", "03/04/2026"),
    ("de", "am 21.11.2026", "am 21. November 2026"),
    ("es", "el 03/04/2026", "el 3 de abril de 2026"),
    ("fr", "le 01/11/2026", "le 1er novembre 2026"),
    ("it", "il 21/11/2026", "il 21 novembre 2026"),
    ("pt", "em 21/11/2026", "em 21 de novembro de 2026"),
    ("hi", "21/11/2026 को", "21 नवंबर 2026 को"),
    ("ar", "21/11/2026", "21 نوفمبر 2026"),
    ("zh", "2026-11-21", "2026年11月21日"),
    ("ja", "2026/11/21", "2026年11月21日"),
    ("ru", "2026-11-21", "21 ноября 2026"),
    # money
    ("en", "$5, $1, $5.99, $10k", "5 dollars, 1 dollar, 5 dollars and 99 cents, 10000 dollars"),
    ("en", "£3.01 or $0.99", "3 British pounds and 1 penny or 0.99 dollars"),
    ("en", "$3.5 million or $2bn, $5-10", "3.5 million dollars or 2 billion dollars, 5 to 10 dollars"),
    ("de", "5 € oder 5,99 €", "5 Euro oder 5 Euro 99"),
    ("fr", "5 € ou 1 234,50 €", "5 euros ou 1234 euros 50"),
    ("es", "$5 o 1.000.000 €", "5 dólares o 1 millón de euros"),
    ("it", "5,50 €", "5 euro e 50"),
    ("pt", "R$ 5,50", "5 reais e 50"),
    ("hi", "₹500", "500 भारतीय रुपए"),
    ("ar", "5$", "5 دولارات"),
    ("zh", "$5", "5美元"),
    ("ja", "$5", "5ドル"),
    # percentages and units
    ("en", "20%, 10-20 %, 5 kg", "20 percent, 10 to 20 percent, 5 kilograms"),
    ("en", "10 km/h, -3°C", "10 kilometers per hour, minus 3 degrees Celsius"),
    ("es", "20 %, 10 km/h, -3 °C", "20 por ciento, 10 kilómetros por hora, menos 3 grados Celsius"),
    ("fr", "20 %, 10 km/h", "20 pour cent, 10 kilomètres par heure"),
    ("de", "20 %, 10 km/h, -3°C", "20 Prozent, 10 Kilometer pro Stunde, minus 3 Grad Celsius"),
    ("it", "20%, 10 km/h", "20 per cento, 10 chilometri orari"),
    ("pt", "20%, 10 km/h", "20 por cento, 10 quilômetros por hora"),
    ("hi", "२०%, 10 km/h", "20 प्रतिशत, 10 किलोमीटर प्रति घंटा"),
    ("ar", "٢٠٪ و 10 km/h", "20 بالمئة و 10 كيلومتر في الساعة"),
    ("zh", "20%，10km/h，-3°C，5km", "百分之20，每小时10公里，负3摄氏度，5公里"),
    ("ja", "20%、10km走った", "20パーセント、10 キロメートル走った"),
    ("ru", "20 % и 5 км, 5 km", "20 процентов и 5 км, 5 километров"),
    # abbreviations
    ("en", "Dr. Smith, e.g. now, etc. Then No. 5", "Doctor Smith, for example now, et cetera. Then number 5"),
    ("en", "I live at 12 Elm Dr. Come by.", "I live at 12 Elm Dr. Come by."),
    ("de", "z.B. z. B. bei Dr. Meier, Nr. 5", "zum Beispiel zum Beispiel bei Doktor Meier, Nummer 5"),
    ("es", "Sr. López, p. ej. EE. UU.", "señor López, por ejemplo Estados Unidos"),
    ("fr", "M. Dupont, p. ex.", "monsieur Dupont, par exemple"),
    ("it", "Sig.ra Rossi, ad es.", "signora Rossi, ad esempio"),
    ("pt", "Dra. Silva, p.ex.", "doutora Silva, por exemplo"),
    ("hi", "डॉ. शर्मा", "डॉक्टर शर्मा"),
    # addresses
    ("en", "info@example.com", "info at example dot com"),
    ("en", "Ask john_doe-x@mail.co.uk.", "Ask john underscore doe dash x at mail dot co dot uk."),
    ("en", "See https://www.example.com/x?y=1. Or example.com/z!", "See example dot com. Or example dot com!"),
    ("de", "info@example.com", "info at example Punkt com"),
    ("es", "info@example.com", "info arroba example punto com"),
    ("ru", "info@example.com", "info@example.com"),
    # signs
    ("en", "2 + 2 = 4, 3 * 4 = 12", "2 plus 2 equals 4, 3 times 4 equals 12"),
    ("en", "~5, #1, R & D", "about 5, number 1, R and D"),
    ("en", "5–10 people, 2020–2024", "5 to 10 people, 2020 to 2024"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "written", "said"), SAID, ids=[f"{each[0]} {each[1]}" for each in SAID])
def test_signs_become_speech(language: str, written: str, said: str) -> None:
    """What a voice would stumble over is verbalised, and a second pass changes nothing."""
    assert speakable(written, language=language) == said
    assert speakable(said, language=language) == said


@pytest.mark.parametrize(
    "written",
    [
        "Python 3.11 on 192.168.1.1", "Call 555-1234 or 1-800-555-1234.", "COVID-19, a 747-400, an iPhone 15",
        "24/7, 1/2, the 1st, a 5G phone, a 10k run, 5m", "It ended 3–1.", "Pages 3,5,7", "Node.js and AT&T",
        "on 31/02/2026", "at 25:70 or 1:2:3", "I won't, it's 1984.", "Version 2.0.1", "a 5 m-long rope",
    ],
)  # fmt: skip
def test_doubt_leaves_digits(written: str) -> None:
    """Ambiguous and harmless text stays as it is."""
    assert speakable(written, language="en") == written


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("*waves* Hi there. *smiles softly*", "Hi there."),
        ("(laughs) Hello [pause] you.", "Hello you."),
        ("Do *not* go, **never**.", "Do not go, never."),
        ("## Plan\n\n1. Eat\n2. Sleep\n\n- one\n- two!\nBye", "Plan. Eat, Sleep, one, two! Bye"),
        ("3. That is it.", "3. That is it."),
        ("| a | b |\n|---|---|\n| c | d |", "a, b. c, d."),
        ("Text\n---\n```py\nx = 1\n```\nmore", "Text more"),
        ("AT&amp;T &lt;b&gt;x&lt;/b&gt;", "AT&T x"),
        ("Hi\u200b \u202ethere\ufeff 👩🏽\u200d🚀!", "Hi there!"),
        ("你好 😀。", "你好。"),
        ("- 一\n- 二", "一、 二。"),
    ],
)
def test_nothing_for_the_eye_is_said(written: str, said: str) -> None:
    """Markup, lists, code, emoji and stage directions go; emphasised words stay, as they may be a "not"."""
    assert speakable(written, language="en") == said


@pytest.mark.parametrize(
    ("written", "most", "said"),
    [
        ("One two three. Four five six? Seven eight.", 7, "One two three. Four five six?"),
        ("Doctor A. B. Smith came on. Then he left again.", 8, "Doctor A. B. Smith came on."),
        ("I saw St. Peter there and then", 4, "I saw St. Peter."),
        ("Wir gehen. Am 21. November kommen alle wieder her.", 5, "Wir gehen."),
        ("one two three, four five six seven", 5, "one two three."),
        ("on November 21, 2026 we will all meet again", 4, "on November 21, 2026."),
        ("one two three four five", 3, "one two three."),
        ("one two; three four – five six", 5, "one two; three four."),
        ("你好世界。今天天气很好。我们走吧。", 6, "你好世界。今天天气很好。"),
        ("今天天气很好，我们去公园走一走吧", 5, "今天天气很好。"),
        ("今天天气很好我们去公园", 3, "今天天气很好。"),
        ("नमस्ते दोस्त। आप कैसे हैं।", 4, "नमस्ते दोस्त।"),
        ("كيف حالك اليوم؟ أنا بخير جدا", 4, "كيف حالك اليوم؟"),
        ("It costs 3.5 units. More to come here.", 6, "It costs 3.5 units."),
        ("x" * 400, 5, "x" * 200 + "."),
    ],
)
def test_too_long_ends_where_a_sentence_does(written: str, most: int, said: str) -> None:
    """Whole sentences stay; of a single long one its clauses; words only when it has none."""
    assert speakable(written, language="en", max_words=most) == said


def test_eighty_words_by_default() -> None:
    """By default at most eighty words stay, and the last sentence is whole."""
    said = speakable("One two three four five six seven. " * 30, language="en")
    assert len(said.split()) == 77
    assert said.endswith("seven.")


PIECES = [
    "$5", "1,234.56", "1.234,56", "3.5M", "12:30", "5pm", "p.m.", "2026-11-21", "21/11/2026", "20%", "-", "–", "3",
    "°C", "10 km/h", "Dr.", "e.g.", "etc.", "z. B.", "a@b.com", "https://e.com/x", "www.", "*", "**", "_", "`", "#",
    "[", "]", "(", ")", "<b>", ">", "|", "\n", " ", " ", ". ", ", ", "。", "؟", "😀", "&amp;", "&", "=", "+", "~",
    "1. ", "- ", "X", "no", "Über", "你好", "नमस्ते", "م", "\u200d", "\u202e", "€", "R$", "k", "h", "m", "0", "٣", "%",
    ":", ";", "—", "'",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(),
    st.sampled_from([*SIGN_NAMES, "ru", "sw", "xx"]),
    st.integers(1, 40),
)
def test_saying_it_twice_changes_nothing(text: str, language: str, most: int) -> None:
    """Normalising twice changes nothing more."""
    said = speakable(text, language=language, max_words=most)
    assert speakable(said, language=language, max_words=most) == said
    assert said == "" or any(character.isalnum() for character in said)


@given(st.integers(0, 10**12), st.sampled_from(sorted(SIGN_NAMES)))
def test_grouping_keeps_the_number(value: int, language: str) -> None:
    """A number loses its groups but not its digits, or becomes a round one of the same size."""
    mark = "." if language in {"de", "it", "pt", "fr"} else ","
    written = f"{value:,}".replace(",", mark)
    said = speakable(f"x {written} x", language=language).removeprefix("x ").removesuffix(" x")
    assert said in {written, str(value)} or (len(str(value).rstrip("0")) <= 4 and value >= 10**6)


SCALES = {
    "million": 6, "billion": 9, "millones": 6, "millón": 6, "mil millones": 9, "millions": 6, "milliard": 9,
    "milliards": 9, "Million": 6, "Millionen": 6, "Milliarde": 9, "Milliarden": 9, "milione": 6, "milioni": 6,
    "miliardo": 9, "miliardi": 9, "milhão": 6, "milhões": 6, "bilhão": 9, "bilhões": 9,
    "लाख": 5, "करोड़": 7, "अरब": 9,
    "खरब": 11,
    "مليون": 6, "ملايين": 6, "مليارات": 9, "مليار": 9, "万": 4, "億": 8, "亿": 8,
}  # fmt: skip


@given(st.integers(1, 9999), st.integers(3, 8), st.sampled_from(sorted(COMPACT)))
def test_large_numbers_keep_their_size(digits: int, zeros: int, language: str) -> None:
    """A large round number has the same value in words and in digits."""
    value = digits * 10**zeros
    said = large_number(Decimal(value), language)
    if said is None:
        assert not 10**6 <= value < 10**12
        return
    amount = said.rstrip("".join(set("".join(SCALES)))).strip()
    scale = said[len(amount) :].strip() if amount else said
    assert Decimal(amount.replace(",", ".") or 1) * 10 ** SCALES[scale] == value


@pytest.mark.parametrize("language", ["en", "zz", "sw", "yo"])
def test_a_unit_without_a_word_is_left(language: str) -> None:
    """A unit without a word in CLDR is not spoken by its key."""
    said = quantity(Decimal(3), "concentr-percent", language)
    assert said == ("3 percent" if language == "en" else None)


def test_much_text_is_quick() -> None:
    """Much and odd text is normalised in reasonable time."""
    for text in ("*a", "1,", "[", "a@", "<a ", "1 000", "- ", "www.", "**", "|", "(", "Dr. "):
        begun = time.process_time()
        speakable(text * 50_000, language="en")
        assert time.process_time() - begun < 2


def test_start_up_does_not_wait_for_words() -> None:
    """CLDR is loaded with the first reply, not at start-up."""
    code = "import sys, conversation.replying.persona, conversation.speakable; sys.exit('babel' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 (our own interpreter and code)
