"""Imagined transcripts are recognised, and real ones believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversation.hearing.hallucinations import PHRASES, is_hallucination

FAINT_SECONDS, SPOKEN_SECONDS = 0.2, 1.5


def imagined(text: str, *, seconds: float = 5.0, speech_seconds: float = SPOKEN_SECONDS) -> bool:
    """Judge a transcript, by default of a recording with speech."""
    return is_hallucination(text, seconds=seconds, speech_seconds=speech_seconds)


@pytest.mark.parametrize("text", PHRASES["credits"])
def test_credits(text: str) -> None:
    """Every credit is recognised: in any case, with punctuation, twice, and however loud."""
    for written in (text, text.upper(), f" {text}!", f"{text}. {text}."):
        assert imagined(written, speech_seconds=20.0)


@pytest.mark.parametrize(
    "text",
    [
        "Thank you for watching!",
        "Sous-titres réalisés par la communauté d'Amara.org",
        "ご視聴ありがとうございました。",
        "字幕by索兰娅",
        "字幕 by 某某",
        "Продолжение следует...",
        "Untertitel im Auftrag des ZDF für funk, 2017",
        "Thanks for watching. Please subscribe to my channel!",
        "...",
        "♪",
        "[BLANK_AUDIO]",
        "(soft music) [Applause]",
        "*music*",
        "[Music] Thank you for watching!",
        "Thanks for watching Thanks for watching",
        "Thanks for watching, please subscribe. Bye!",
        "Thank you all for watching this video, and see you next time.",
        "Sous-titres faits par la communauté d'Amara.org",
        "Copyright WDR 2021",
        "Teksting av Nicolai Winther",
        "次の動画でお会いしましょう",
    ],
)
def test_as_whisper_writes_them(text: str) -> None:
    """Credits, rows of them, notes on sounds and bare punctuation are no words."""
    assert imagined(text, speech_seconds=20.0)


@pytest.mark.parametrize("text", PHRASES["polite"])
def test_polite_words(text: str) -> None:
    """A "thank you" is believed where a voice is heard, not in near silence."""
    assert imagined(f"{text.capitalize()}.", speech_seconds=FAINT_SECONDS)
    assert not imagined(f"{text.capitalize()}.", speech_seconds=0.35)


def test_polite_words_in_half_a_minute() -> None:
    """The longer the recording, the more speech it takes to believe that all of it was a "thank you"."""
    assert imagined("Thank you. Thank you. Bye.", seconds=28.0, speech_seconds=0.4)
    assert not imagined("Thank you. Thank you. Bye.", seconds=28.0, speech_seconds=1.5)


@pytest.mark.parametrize(
    "text",
    [
        "Please call me back when you have time. Thank you very much.",
        "Thank you for watching the kids yesterday!",
        "Did you like and subscribe to that channel?",
        "字幕太小了",
        "Watching the video.",
        "Subscribe.",
        "WDR 2",
        "Subtitles by the way are broken.",
        "Va sur amara.org pour voir les sous-titres de la conférence.",
        "Merci d'avoir regardé mon dossier.",
        "다음 시간에 만나요, 그럼 내일 봐요",
        "5555555555",
        "(555) 010-0001",
        "yes",
        "はい",
        "धन्यवाद, कल मिलते हैं",
    ],
)
def test_what_people_say(text: str) -> None:
    """Text that only resembles credits, laughter and numbers are believed, however faint."""
    assert not imagined(text, seconds=60.0, speech_seconds=0.6)


@given(
    st.sampled_from(["I'm sorry. ", "so ", "the the ", "ありがとう。", "what do you think about that? "]),
    st.integers(0, 9),
)
def test_endless_repetition(phrase: str, cut_short: int) -> None:
    """One phrase over and over is no speech, even if the last repeat is cut short."""
    text = phrase * 120
    assert imagined(text[: len(text) - cut_short], seconds=28.0, speech_seconds=20.0)


@pytest.mark.parametrize("text", ["no no no no no no no no", "ha " * 20, "बस " * 12])
def test_repetition_that_people_say(text: str) -> None:
    """Laughter and repeated words are believed with speech."""
    assert not imagined(text)


def test_repetition_faster_than_speech() -> None:
    """Repetition faster than speech is not believed; with time for it, it is."""
    text = "I love you. " * 12
    assert imagined(text, speech_seconds=1.0)
    assert not imagined(text, speech_seconds=8.0)


@pytest.mark.parametrize("end", ["", "!", "x"])
def test_a_long_text_costs_little(end: str) -> None:
    """A long text of many short words of a bag is judged at once: it is a stranger's."""
    assert not imagined("观看 " + "谢谢您的大家" * 5_000 + end + " 好", speech_seconds=3_000.0)


@given(st.text(), st.floats(0, 60), st.floats(0, 60))
def test_any_text(text: str, seconds: float, speech_seconds: float) -> None:
    """Any text is judged without an error; an empty one is never imagined."""
    judged = is_hallucination(text, seconds=seconds, speech_seconds=speech_seconds)
    assert text.strip() or not judged
