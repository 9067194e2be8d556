"""Settings of the models, and of the ladders made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from runtime.settings.faults import Fault, quoted
from runtime.settings.groups import Group
from runtime.settings.kinds import EachOnce, Entries, Lower, Url, entries, is_language

if TYPE_CHECKING:
    from collections.abc import Iterator

LadderName = Literal["transcribers", "repliers", "synthesizers"]
"""A ladder, by its variable."""
TranscriberName = Literal["huggingface", "openai", "scribe", "local"]
ReplierName = Literal["huggingface", "openai", "canned"]
SynthesizerName = Literal["elevenlabs", "cartesia", "openai", "local", "clip"]
LADDERS: Final[Mapping[LadderName, str]] = {"transcribers": "transcribe", "repliers": "chat", "synthesizers": "speech"}
"""Ladder → its part of the names of OPENAI_* variables."""

HEARING_SECONDS: Final = 10.0
"""Deadline of a transcribing service."""
LOCAL_SECONDS: Final = 30.0
"""Deadline of a local engine."""
STALL_SECONDS: Final = 4.0
"""Longest wait until an answer begins, until its first word or sound, and between two."""

_ITS_KEY: Final = "Bearer key of that server; OPENAI_API_KEY if not set: any word keeps that from it"
_VOICES: Final = "a voice per language, such as default=ID,hi=ID,fr=ID"


def _model(text: str) -> str:
    if any(map(str.isspace, text)):
        raise ValueError(f"{quoted(text)} must have no spaces")
    return text


def _voices(text: str) -> Mapping[str, str]:
    chosen: dict[str, str] = {}
    for entry in entries(text):
        language, _, voice = (part.strip() for part in entry.partition("="))
        if not voice or not (language == "default" or is_language(language)):
            raise ValueError(f"{quoted(entry)} is not LANGUAGE=VOICE; write default=VOICE,hi=VOICE")
        if language in chosen:
            raise ValueError(f"names a voice for {language} twice")
        chosen[language] = voice
    return chosen


Model = Annotated[str, AfterValidator(_model)]
Voices = Annotated[Mapping[str, str], BeforeValidator(_voices)]


@dataclass(frozen=True, slots=True)
class Rungs:
    """Rungs of a ladder that can be used, in order, and those that cannot."""

    used: tuple[str, ...]
    left_out: Mapping[str, str]
    """Rung → the variables of which it needs one."""


@dataclass(frozen=True, slots=True)
class OpenAiEndpoint:
    """A server of the OpenAI wire."""

    url: str | None
    """Base URL; None: the vendor's."""
    key: SecretStr | None


class HuggingFaceSettings(Group, env_prefix="HF_", title="Hearing and answering: Hugging Face"):
    """Whisper and Llama at Hugging Face."""

    token: SecretStr | None = Field(None, description="opens the rung huggingface, for hearing and answering")
    whisper_model: Model = Field("openai/whisper-large-v3-turbo", description="the model that hears")
    llama_model: Model = Field("meta-llama/Llama-3.2-3B-Instruct", description="the model that answers")
    whisper_url: Url | None = Field(None, description="full URL for recordings; the Hugging Face router's if not set")
    llama_url: Url | None = Field(None, description="base URL of an OpenAI wire; the Hugging Face router's if not set")


class ElevenLabsSettings(Group, env_prefix="ELEVENLABS_", title="Speaking: ElevenLabs and Cartesia"):
    """Voices of ElevenLabs, and its transcriber."""

    api_key: SecretStr | None = Field(None, description="opens the rungs elevenlabs and scribe")
    base_url: Url | None = Field(None, description="base URL of the API; the vendor's if not set")
    model: Model = Field("eleven_flash_v2_5", description="the model that speaks")
    voices: Voices = Field({}, description=f"{_VOICES}; without a default, a premade voice")


class CartesiaSettings(Group, env_prefix="CARTESIA_"):
    """Voices of Cartesia."""

    api_key: SecretStr | None = Field(None, description="opens the rung cartesia")
    base_url: Url | None = Field(None, description="base URL of the API; the vendor's if not set")
    model: Model = Field("sonic-3", description="the model that speaks")
    voices: Voices = Field({}, description=f"{_VOICES}; without a default, ours")


class OpenAiSettings(
    Group, env_prefix="OPENAI_", title="Hearing, answering and speaking: any server that speaks the OpenAI wire"
):
    """Servers of the OpenAI wire: one for everything, or one for each ladder."""

    api_key: SecretStr | None = Field(None, description="opens the rung openai; also for OPENAI_*_URL without a key")
    base_url: Url | None = Field(
        None,
        description="base URL of the OpenAI wire, such as http://localhost:8000/v1; opens the rung too, without a key;"
        " https://api.openai.com/v1 if not set",
    )
    transcribe_model: Model = Field("whisper-1", description="the model that hears")
    chat_model: Model = Field("gpt-4o-mini", description="the model that answers; it must take max_tokens")
    speech_model: Model = Field("gpt-4o-mini-tts", description="the model that speaks, in PCM at 24 kHz")
    voices: Voices = Field({}, description="a voice per language, such as default=alloy,hi=nova; alloy if not set")
    transcribe_url: Url | None = Field(None, description="another server to hear, as https://api.groq.com/openai/v1")
    transcribe_key: SecretStr | None = Field(None, description=_ITS_KEY)
    chat_url: Url | None = Field(None, description="another server to answer, such as http://localhost:11434/v1")
    chat_key: SecretStr | None = Field(None, description=_ITS_KEY)
    speech_url: Url | None = Field(None, description="another server to speak")
    speech_key: SecretStr | None = Field(None, description=_ITS_KEY)

    def endpoint(self, ladder: LadderName) -> OpenAiEndpoint:
        """Return a ladder's own server, else the common one."""
        url: str | None = getattr(self, f"{LADDERS[ladder]}_url")
        key: SecretStr | None = getattr(self, f"{LADDERS[ladder]}_key")
        return OpenAiEndpoint(url or self.base_url, key or self.api_key)


class ModelSettings(Group, title="The ladders"):
    """Models, and the order in which they are tried."""

    huggingface: HuggingFaceSettings
    elevenlabs: ElevenLabsSettings
    cartesia: CartesiaSettings
    openai: OpenAiSettings
    transcribers: Annotated[tuple[TranscriberName, ...], EachOnce, Entries, Lower] = Field(
        get_args(TranscriberName), description=f"who hears, in order: {', '.join(get_args(TranscriberName))}"
    )
    repliers: Annotated[tuple[ReplierName, ...], EachOnce, Entries, Lower] = Field(
        get_args(ReplierName), description=f"who answers, in order: {', '.join(get_args(ReplierName))}"
    )
    synthesizers: Annotated[tuple[SynthesizerName, ...], EachOnce, Entries, Lower] = Field(
        get_args(SynthesizerName), description=f"who speaks, in order: {', '.join(get_args(SynthesizerName))}"
    )

    def configured(self, ladder: LadderName) -> Rungs:
        """Return which rungs of a ladder can be used."""
        names: tuple[str, ...] = getattr(self, ladder)
        needs = {name: need for name in names if (need := self._need(name, ladder)) is not None}
        return Rungs(tuple(name for name in names if name not in needs), needs)

    def missing(self) -> Iterator[Fault]:
        """Yield the ladders without a usable rung."""
        for ladder in LADDERS:
            rungs = self.configured(ladder)
            if not rungs.used:
                needs = ", ".join(f"{rung} needs {need}" for rung, need in rungs.left_out.items())
                yield Fault(ladder.upper(), f"leaves no rung that is configured: {needs}")

    def _need(self, rung: str, ladder: LadderName) -> str | None:
        match rung:
            case "huggingface" if self.huggingface.token is None:
                return "HF_TOKEN"
            case "elevenlabs" | "scribe" if self.elevenlabs.api_key is None:
                return "ELEVENLABS_API_KEY"
            case "cartesia" if self.cartesia.api_key is None:
                return "CARTESIA_API_KEY"
            case "openai" if self.openai.endpoint(ladder) == OpenAiEndpoint(None, None):
                return f"OPENAI_API_KEY or OPENAI_{LADDERS[ladder].upper()}_URL"
            case _:
                return None
