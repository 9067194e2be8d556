"""Each language is spoken by a voice that speaks it, without any configuration, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.clips import LANGUAGES
from providers.errors import NoVoice, Rejected
from providers.languages import KNOWN
from providers.models.voices import (
    CARTESIA_VOICES,
    DEFAULT,
    ELEVENLABS_VOICES,
    OPENAI_VOICES,
    Voices,
    model_languages,
    with_defaults,
)

OURS = [
    ("elevenlabs", "eleven_flash_v2_5", ELEVENLABS_VOICES),
    ("cartesia", "sonic-3", CARTESIA_VOICES),
    ("openai", "gpt-4o-mini-tts", OPENAI_VOICES),
]


@pytest.mark.parametrize(("service", "model", "own"), OURS)
def test_our_languages_are_spoken_by_default(service: str, model: str, own: dict[str, str]) -> None:
    """With the default model and no voice chosen, each of our ten languages has a voice, at every vendor."""
    voices = Voices(service, model, with_defaults({}, own))
    assert all(voices.voice_for(language) for language in LANGUAGES)


def test_a_voice_per_language_at_cartesia() -> None:
    """There each of our languages has a voice of its own, for one of another language would have its accent."""
    assert set(CARTESIA_VOICES) == (LANGUAGES - {"en"}) | {DEFAULT}
    assert len(set(CARTESIA_VOICES.values())) == len(CARTESIA_VOICES)


def test_what_is_chosen_goes_first() -> None:
    """A voice that is named for a language is taken; a default that is named is for all others, ours included."""
    some = Voices("cartesia", "sonic-3", with_defaults({"fr": "mine"}, CARTESIA_VOICES))
    assert (some.voice_for("fr"), some.voice_for("de"), some.voice_for("nl")) == (
        "mine",
        CARTESIA_VOICES["de"],
        CARTESIA_VOICES[DEFAULT],
    )
    all_of_them = Voices("cartesia", "sonic-3", with_defaults({DEFAULT: "mine"}, CARTESIA_VOICES))
    assert {all_of_them.voice_for(language) for language in LANGUAGES} == {"mine"}


@pytest.mark.parametrize(
    ("model", "language"),
    [("eleven_flash_v2_5", "sw"), ("eleven_multilingual_v2", "hu"), ("eleven_flash_v2", "fr"), ("sonic-3", "ur")],
)
def test_no_voice(model: str, language: str) -> None:
    """A language that the model does not speak is refused, by an error that says nothing of how the service is."""
    voices = Voices("vendor", model, {DEFAULT: "v"})
    with pytest.raises(NoVoice) as raised:
        voices.voice_for(language)
    assert (raised.value.reason, raised.value.service) == ("no-voice", "vendor")
    assert isinstance(raised.value, Rejected)
    assert Voices("vendor", model, {DEFAULT: "v", language: "own"}).voice_for(language) == "own"


@pytest.mark.parametrize(
    ("model", "count"),
    [
        ("eleven_flash_v2_5", 32),
        ("eleven_multilingual_v2", 29),
        ("eleven_flash_v2", 1),
        ("sonic-3", 42),
        ("sonic-3-2026-01-12", 42),
        ("sonic-3.5", 42),
        ("sonic-2-2025-06-11", 8),
        ("tts-1-hd", 57),
    ],
)
def test_languages_of_a_model(model: str, count: int) -> None:
    """As many languages as the vendor counts, of snapshots and successors too; each is one that we know."""
    known = model_languages(model)
    assert known is not None
    assert len(known) == count
    assert known <= KNOWN


@given(st.sampled_from(["eleven_v3", "kokoro", "sonic-30", "tts-10", "", "sonic"]), st.text(max_size=5))
def test_a_model_that_we_do_not_know_is_asked_for_any_language(model: str, language: str) -> None:
    """Who configured it knows better."""
    assert model_languages(model) is None
    assert Voices("vendor", model, {DEFAULT: "v"}).voice_for(language) == "v"
