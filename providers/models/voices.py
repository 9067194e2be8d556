"""The voices of each vendor, and the languages of each model.

A language that a model does not speak is refused before any request: it would sound like another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from providers.errors import NoVoice

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT: Final = "default"
"""The key for every language without a voice of its own."""

ELEVENLABS_VOICES: Final = {DEFAULT: "JBFqnCBsd6RMkjVDRZzb"}
"""George, of https://github.com/elevenlabs/elevenlabs-python; as multilingual as the model."""
CARTESIA_VOICES: Final = {
    DEFAULT: "f786b574-daa5-4673-aa0c-cbe3e8534c02",  # Katie
    "ar": "002622d8-19d0-4567-a16a-f99c7397c062",  # Huda
    "de": "3f4ade23-6eb4-4279-ab05-6a144947c4d5",  # German Conversational Woman
    "es": "5c5ad5e7-1020-476b-8b91-fdcbe9cc313c",  # Mexican Woman
    "fr": "a249eaff-1e96-4d2c-b23b-12efa4f66f41",  # French Conversational Lady
    "hi": "c1abd502-9231-4558-a054-10ac950c356d",  # Hindi Narrator Woman
    "it": "0e21713a-5e9a-428a-bed4-90d410b87f13",  # Italian Narrator Woman
    "ja": "2b568345-1d48-4047-b25f-7baccf842eb0",  # Japanese Woman Conversational
    "pt": "700d1ee3-a641-4018-ba6e-899dcadc9e2b",  # Pleasant Brazilian Lady
    "zh": "e90c6678-f0d3-4767-9883-5d0ecf5894a8",  # Chinese Female Conversational
}
"""From https://docs.cartesia.ai/build-with-cartesia/tts-models/sonic-3-5 (Katie) and
https://developer.signalwire.com/voice/tts/cartesia. Each speaks all languages of its model, its own without an accent
(https://docs.cartesia.ai/build-with-cartesia/capability-guides/multilingual-voices)."""
OPENAI_VOICES: Final = {DEFAULT: "alloy"}
"""They speak all its languages (https://platform.openai.com/docs/guides/text-to-speech)."""

_ELEVENLABS_29: Final = frozenset({
    "ar", "bg", "cs", "da", "de", "el", "en", "es", "fi", "fr", "hi", "hr", "id", "it", "ja", "ko", "ms", "nl", "pl",
    "pt", "ro", "ru", "sk", "sv", "ta", "tl", "tr", "uk", "zh",
})  # fmt: skip
_CARTESIA_42: Final = frozenset({
    "ar", "bg", "bn", "cs", "da", "de", "el", "en", "es", "fi", "fr", "gu", "he", "hi", "hr", "hu", "id", "it", "ja",
    "ka", "kn", "ko", "ml", "mr", "ms", "nl", "no", "pa", "pl", "pt", "ro", "ru", "sk", "sv", "ta", "te", "th", "tl",
    "tr", "uk", "vi", "zh",
})  # fmt: skip
_OPENAI_57: Final = frozenset({
    "af", "ar", "az", "be", "bg", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "gl",
    "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "kk", "kn", "ko", "lt", "lv", "mi", "mk", "mr", "ms", "ne",
    "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "sw", "ta", "th", "tl", "tr", "uk", "ur", "vi", "zh",
})  # fmt: skip
# Model → primary subtags. Sources: https://elevenlabs.io/docs/overview/models,
# https://docs.cartesia.ai/build-with-cartesia/tts-models/latest and
# https://platform.openai.com/docs/guides/text-to-speech#supported-languages.
_SPOKEN: Final = {
    "eleven_multilingual_v2": _ELEVENLABS_29,
    "eleven_flash_v2_5": _ELEVENLABS_29 | {"hu", "no", "vi"},
    "eleven_turbo_v2_5": _ELEVENLABS_29 | {"hu", "no", "vi"},
    "eleven_flash_v2": frozenset({"en"}),
    "eleven_turbo_v2": frozenset({"en"}),
    "sonic-3": _CARTESIA_42,
    "sonic-2": frozenset({"de", "en", "es", "fr", "ja", "ko", "pt", "zh"}),
    "sonic-turbo": frozenset({"de", "en", "es", "fr", "hi", "ja", "ko", "pt", "zh"}),
    "gpt-4o-mini-tts": _OPENAI_57,
    "tts-1": _OPENAI_57,
}
_DATED: Final = ("-", ".")  # follows a model's name in snapshots and successors ("sonic-3-2026-01-12", "sonic-3.5")


class Voices:
    """The voices of one synthesizer; `chosen` maps primary subtags and DEFAULT."""

    def __init__(self, service: str, model: str, chosen: Mapping[str, str]) -> None:
        self._service = service
        self._chosen = chosen
        self._languages = model_languages(model)

    def voice_for(self, language: str) -> str:
        """Return the voice for a language; one chosen for it is trusted. Raises NoVoice."""
        voice = self._chosen.get(language)
        if voice is None and self._languages is not None and language not in self._languages:
            raise NoVoice(self._service)
        return voice or self._chosen[DEFAULT]


def model_languages(model: str) -> frozenset[str] | None:
    """Return a model's languages; None if unknown: then any is tried."""
    known = [name for name in _SPOKEN if model == name or model.startswith(tuple(f"{name}{mark}" for mark in _DATED))]
    return _SPOKEN[max(known, key=len)] if known else None


def with_defaults(chosen: Mapping[str, str], own: Mapping[str, str]) -> Mapping[str, str]:
    """Add the vendor's voices; a chosen default replaces them all."""
    return chosen if DEFAULT in chosen else {**own, **chosen}
