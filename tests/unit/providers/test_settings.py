"""Settings of the models, and which rungs of a ladder they leave."""

from __future__ import annotations

import pytest

from providers.settings import LADDERS, ModelSettings
from runtime.settings.environment import read
from runtime.settings.variables import written_as_variable
from tests.unit.runtime.settings.reading import one_fault, values


@pytest.mark.parametrize(
    ("variable", "text", "advice"),
    [
        ("HF_LLAMA_MODEL", "a b", "must have no spaces"),
        ("ELEVENLABS_VOICES", "voice", "voice is not LANGUAGE=VOICE"),
        ("ELEVENLABS_VOICES", "default=", "is not LANGUAGE=VOICE"),
        ("ELEVENLABS_VOICES", "hi-IN=V", "is not LANGUAGE=VOICE"),
        ("ELEVENLABS_VOICES", "default=A,default=B", "names a voice for default twice"),
        ("TRANSCRIBERS", "", "must not be empty"),
        ("TRANSCRIBERS", "whisper", "whisper is not one of huggingface, openai, scribe, local"),
        ("REPLIERS", "canned,canned", "names canned twice"),
        ("SYNTHESIZERS", "huggingface", "huggingface is not one of elevenlabs, cartesia, openai, local, clip"),
        ("HF_TOKEN", "two\nlines", "contains a control or otherwise unprintable character"),
    ],
)
def test_a_wrong_value_comes_with_what_to_write(variable: str, text: str, advice: str) -> None:
    """Each wrong value is one fault, of its own variable, that says what is the matter."""
    assert advice in one_fault(ModelSettings, variable, text)


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("ELEVENLABS_VOICES", "default=A, hi=B", {"default": "A", "hi": "B"}),
        ("SYNTHESIZERS", "clip, Local", ("clip", "local")),
    ],
)
def test_a_value_is_parsed_once_and_for_all(variable: str, text: str, value: object) -> None:
    """Whoever uses a setting finds it as a value of its own type, and the shown value reads back as the same."""
    found = values(read(ModelSettings, {variable: text}))
    assert found[variable] == value
    assert values(read(ModelSettings, {variable: written_as_variable(value)})) == found


@pytest.mark.parametrize("vendor", ["ELEVENLABS", "CARTESIA", "OPENAI"])
@pytest.mark.parametrize("voices", ["", "hi=V", "default=V"])
def test_a_key_alone_suffices_to_speak(vendor: str, voices: str) -> None:
    """No voice has to be chosen: there is one for each language without one."""
    settings = read(ModelSettings, {f"{vendor}_API_KEY": "k", f"{vendor}_VOICES": voices})
    assert vendor.lower() in settings.configured("synthesizers").used


def test_unconfigured_rungs_are_left_out_with_what_they_miss() -> None:
    """A ladder goes on without a rung that has no key, and the missing variable is named."""
    settings = read(ModelSettings, {"CARTESIA_API_KEY": "k", "CARTESIA_VOICES": "default=V"})
    rungs = settings.configured("synthesizers")
    assert rungs.used == ("cartesia", "local", "clip")
    assert rungs.left_out == {
        "elevenlabs": "ELEVENLABS_API_KEY",
        "openai": "OPENAI_API_KEY or OPENAI_SPEECH_URL",
    }


@pytest.mark.parametrize(
    ("variable", "text", "ladders"),
    [
        ("OPENAI_API_KEY", "k", {"transcribers", "repliers", "synthesizers"}),
        ("OPENAI_BASE_URL", "http://localhost:8000/v1", {"transcribers", "repliers", "synthesizers"}),
        ("OPENAI_TRANSCRIBE_KEY", "k", {"transcribers"}),
        ("OPENAI_TRANSCRIBE_URL", "http://localhost:8000/v1", {"transcribers"}),
        ("OPENAI_CHAT_KEY", "k", {"repliers"}),
        ("OPENAI_CHAT_URL", "http://localhost:11434/v1", {"repliers"}),
        ("OPENAI_SPEECH_KEY", "k", {"synthesizers"}),
        ("OPENAI_SPEECH_URL", "http://localhost:8000/v1", {"synthesizers"}),
    ],
)
def test_a_key_or_a_url_opens_the_rung_openai(variable: str, text: str, ladders: set[str]) -> None:
    """Either is enough, for a local server needs no key; one of a single kind opens that kind's ladder alone."""
    settings = read(ModelSettings, {variable: text})
    opened = {ladder for ladder in LADDERS if "openai" in settings.configured(ladder).used}
    assert opened == ladders


def test_each_ladder_may_have_a_server_of_its_own() -> None:
    """One service hears and another answers, each with its own key; what has none of its own takes the common one."""
    settings = read(
        ModelSettings,
        {
            "OPENAI_API_KEY": "common",
            "OPENAI_TRANSCRIBE_URL": "https://api.groq.com/openai/v1/",
            "OPENAI_TRANSCRIBE_KEY": "groq",
            "OPENAI_CHAT_URL": "http://localhost:11434/v1",
        },
    )
    found = [settings.openai.endpoint(ladder) for ladder in LADDERS]
    assert [(each.url, each.key.get_secret_value() if each.key else None) for each in found] == [
        ("https://api.groq.com/openai/v1", "groq"),
        ("http://localhost:11434/v1", "common"),
        (None, "common"),
    ]


def test_the_lists_of_before_still_stand() -> None:
    """Rung lists that name none of the second services load, and are used as they are."""
    lists = {
        "TRANSCRIBERS": "huggingface,local",
        "REPLIERS": "huggingface,canned",
        "SYNTHESIZERS": "elevenlabs,cartesia,local,clip",
    }
    settings = read(ModelSettings, lists | {"HF_TOKEN": "k"})
    assert settings.configured("transcribers").used == ("huggingface", "local")
    assert settings.configured("repliers").used == ("huggingface", "canned")
    assert settings.configured("synthesizers").used == ("local", "clip")


def test_scribe_needs_no_voice() -> None:
    """Who only has ElevenLabs hear need not choose a voice there."""
    settings = read(ModelSettings, {"ELEVENLABS_API_KEY": "k", "SYNTHESIZERS": "local,clip"})
    assert settings.configured("transcribers").used == ("scribe", "local")
