"""The spoken fallbacks: there in every language, and sound."""

from __future__ import annotations

import pytest

from audio.clips import LANGUAGES, Line, clip, text_of
from audio.transcode import Transcoder
from tests.harness.levels import peak_dbfs


@pytest.mark.parametrize("language", sorted(LANGUAGES))
async def test_every_line_can_be_heard(language: str) -> None:
    """Each line has its words, and a recording of them that decodes, can be heard and is short."""
    transcoder = Transcoder()
    for line in Line:
        text, spoken_in = text_of(line, language)
        assert text
        assert spoken_in == language
        wav = await transcoder.decode(clip(line, language))
        assert 0.5 < (wav.seconds or 0) < 8
        assert peak_dbfs(wav) > -20


def test_ten_languages() -> None:
    """The lines are there in the ten languages that are promised."""
    assert {"en", "es", "fr", "de", "hi", "pt", "it", "ar", "zh", "ja"} <= LANGUAGES


def test_other_languages_hear_english() -> None:
    """Where there is no translation the line is English, words and recording alike."""
    assert text_of(Line.GOT_IT, "xx") == text_of(Line.GOT_IT, "en")
    assert clip(Line.GOT_IT, "xx").data == clip(Line.GOT_IT, "en").data


@pytest.mark.parametrize(("language", "heard"), [("ca", "es"), ("gl", "es"), ("lb", "de"), ("ht", "fr"), ("ur", "hi")])
def test_the_closest_language_is_heard(language: str, heard: str) -> None:
    """Where a language that is understood as well has the line, it is that one, words and recording alike."""
    assert text_of(Line.GOT_IT, language) == text_of(Line.GOT_IT, heard)
    assert text_of(Line.GOT_IT, language)[1] == heard
    assert clip(Line.GOT_IT, language).data == clip(Line.GOT_IT, heard).data
