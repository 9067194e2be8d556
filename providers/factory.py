"""Factories of adapters and messenger. Slow to import: every vendor's SDK."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, TypeAlias

from audio.engines.espeak import EspeakVoice
from audio.engines.sphinx import SphinxRecognizer
from providers.messengers.linq import LinqMessenger, SendTiming
from providers.messengers.series import SeriesMessenger
from providers.models.cartesia import CartesiaSynthesizer
from providers.models.elevenlabs import ElevenLabsSynthesizer, ElevenLabsTranscriber
from providers.models.huggingface import ROUTER_URL, LlamaReplier, WhisperTranscriber
from providers.models.local import CannedReplier, LocalSynthesizer, LocalTranscriber
from providers.models.openai import API_URL, OpenAiReplier, OpenAiSynthesizer, OpenAiTranscriber
from providers.models.voices import CARTESIA_VOICES, ELEVENLABS_VOICES, OPENAI_VOICES, with_defaults
from providers.settings import HEARING_SECONDS, LOCAL_SECONDS, STALL_SECONDS
from runtime.settings.faults import required

if TYPE_CHECKING:
    from pydantic import SecretStr

    from providers.messengers.settings import MessagingSettings
    from providers.settings import LadderName, ModelSettings

TranscriberAdapter: TypeAlias = WhisperTranscriber | OpenAiTranscriber | ElevenLabsTranscriber | LocalTranscriber
ReplierAdapter: TypeAlias = LlamaReplier | OpenAiReplier | CannedReplier
SynthesizerAdapter: TypeAlias = ElevenLabsSynthesizer | CartesiaSynthesizer | OpenAiSynthesizer | LocalSynthesizer
Adapter: TypeAlias = TranscriberAdapter | ReplierAdapter | SynthesizerAdapter
"""Beside its port, each has check(), which raises ProviderError, warm() and close(), which raise nothing."""


class Adapters:
    """Adapters of the rungs that are configured, by name and in order."""

    def __init__(self, settings: ModelSettings) -> None:
        self.transcribers = {name: _transcriber(settings, name) for name in settings.configured("transcribers").used}
        self.repliers = {name: _replier(settings, name) for name in settings.configured("repliers").used}
        self.synthesizers = {
            name: _synthesizer(settings, name) for name in settings.configured("synthesizers").used if name != "clip"
        }
        ladders = self.transcribers, self.repliers, self.synthesizers
        self._all: list[Adapter] = [adapter for rungs in ladders for adapter in rungs.values()]

    async def warm(self) -> None:
        """Open a connection for each before the first request. Raises nothing."""
        await asyncio.gather(*(adapter.warm() for adapter in self._all))

    async def close(self) -> None:
        """Close all connections."""
        async with AsyncExitStack() as closing:
            for adapter in self._all:
                closing.push_async_callback(adapter.close)


def make_messenger(
    settings: MessagingSettings, *, max_memo_bytes: int, send_seconds: float
) -> SeriesMessenger | LinqMessenger:
    """Make the client of the API that MESSENGER names. Raises ConfigurationError if its URL or key is missing."""
    if settings.messenger == "linq":
        return LinqMessenger(
            settings.linq.api_url,
            _secret(settings.linq.api_key, "LINQ_API_KEY"),
            media_hosts=settings.media_hosts,
            max_memo_bytes=max_memo_bytes,
            timing=SendTiming.within(send_seconds),
        )
    return SeriesMessenger(
        required(settings.series.api_url, "SERIES_API_URL"),
        _secret(settings.series.api_key, "SERIES_API_KEY"),
        media_hosts=settings.media_hosts,
        max_memo_bytes=max_memo_bytes,
        send_timeout_seconds=send_seconds,
    )


def _transcriber(settings: ModelSettings, name: str) -> TranscriberAdapter:
    match name:
        case "local":
            return LocalTranscriber(SphinxRecognizer(deadline_seconds=LOCAL_SECONDS))
        case "openai":
            url, key = _openai(settings, "transcribers")
            return OpenAiTranscriber(url, key, model=settings.openai.transcribe_model, timeout_seconds=HEARING_SECONDS)
        case "scribe":
            key = _secret(settings.elevenlabs.api_key, "ELEVENLABS_API_KEY")
            return ElevenLabsTranscriber(key, base_url=settings.elevenlabs.base_url, timeout_seconds=HEARING_SECONDS)
        case _:
            default = f"{ROUTER_URL}/hf-inference/models/{settings.huggingface.whisper_model}"
            token = _secret(settings.huggingface.token, "HF_TOKEN")
            return WhisperTranscriber(
                token, settings.huggingface.whisper_url or default, timeout_seconds=HEARING_SECONDS
            )


def _replier(settings: ModelSettings, name: str) -> ReplierAdapter:
    match name:
        case "canned":
            return CannedReplier()
        case "openai":
            url, key = _openai(settings, "repliers")
            return OpenAiReplier(url, key, model=settings.openai.chat_model, timeout_seconds=STALL_SECONDS)
        case _:
            token = _secret(settings.huggingface.token, "HF_TOKEN")
            url = settings.huggingface.llama_url or f"{ROUTER_URL}/v1"
            return LlamaReplier(token, url, settings.huggingface.llama_model, timeout_seconds=STALL_SECONDS)


def _synthesizer(settings: ModelSettings, name: str) -> SynthesizerAdapter:
    match name:
        case "local":
            return LocalSynthesizer(EspeakVoice(deadline_seconds=LOCAL_SECONDS))
        case "openai":
            url, key = _openai(settings, "synthesizers")
            model, voices = settings.openai.speech_model, with_defaults(settings.openai.voices, OPENAI_VOICES)
            return OpenAiSynthesizer(url, key, model=model, voices=voices, timeout_seconds=STALL_SECONDS)
        case "cartesia":
            return CartesiaSynthesizer(
                _secret(settings.cartesia.api_key, "CARTESIA_API_KEY"),
                model=settings.cartesia.model,
                voices=with_defaults(settings.cartesia.voices, CARTESIA_VOICES),
                base_url=settings.cartesia.base_url,
                timeout_seconds=STALL_SECONDS,
            )
        case _:
            return ElevenLabsSynthesizer(
                _secret(settings.elevenlabs.api_key, "ELEVENLABS_API_KEY"),
                model=settings.elevenlabs.model,
                voices=with_defaults(settings.elevenlabs.voices, ELEVENLABS_VOICES),
                base_url=settings.elevenlabs.base_url,
                timeout_seconds=STALL_SECONDS,
            )


def _secret(key: SecretStr | None, variable: str) -> str:
    return required(key, variable).get_secret_value()


def _openai(settings: ModelSettings, ladder: LadderName) -> tuple[str, str]:
    """Return the base URL and the key of a ladder's server; the key may be empty."""
    endpoint = settings.openai.endpoint(ladder)
    return endpoint.url or API_URL, endpoint.key.get_secret_value() if endpoint.key else ""
