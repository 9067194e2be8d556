"""Ladders from settings: which rungs there are, in which order, with which deadlines. Imports every adapter."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Protocol

from audio.clips import LANGUAGES
from audio.espeak import EspeakVoice
from audio.sphinx import SphinxEars
from consumer.settings import required
from consumer.stages.answer import whole_reply
from consumer.stages.listen import ears
from consumer.stages.speak import Voiced, recorded, short_speech, whole_speech
from providers.cartesia import CartesiaSynthesizer
from providers.elevenlabs import ElevenLabsSynthesizer, ElevenLabsTranscriber
from providers.errors import NoVoice
from providers.huggingface import ROUTER_URL, LlamaReplier, WhisperTranscriber
from providers.ladder import Ladder, Rung
from providers.local import CannedReplier, LocalSynthesizer, LocalTranscriber
from providers.openai import API_URL, OpenAiReplier, OpenAiSynthesizer, OpenAiTranscriber
from providers.ports import Replier, Synthesizer, Transcriber, Transcript
from providers.voices import CARTESIA_VOICES, ELEVENLABS_VOICES, OPENAI_VOICES, filled_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from audio.clip import Clip
    from audio.transcode import Transcoder
    from consumer.draft import Draft, Drafts
    from consumer.rungs import LadderName
    from consumer.settings import Settings
    from consumer.stages.listen import Expected
    from providers.ports import ChatTurn

# Each ladder's budget, in seconds: what a step may take that is alone with its memo. The memo's own budget is shorter.
_HEAR_SECONDS, _ANSWER_SECONDS, _SPEAK_SECONDS = 45.0, 20.0, 45.0
# Each kind of rung's deadline, in seconds. A voice may have to wait for the words; how promptly it speaks those that
# are there is judged apart from that, as is how promptly a model writes.
_EARS_SECONDS, _MODEL_SECONDS, _VOICE_SECONDS, _SHORT_SECONDS, _LOCAL_SECONDS = 10.0, 8.0, 25.0, 8.0, 30.0
_PROMPTLY_SECONDS = 4.0
"""Until an answer begins, until its first word or sound, and between two, in seconds."""
_REMOTE_QUICK_SECONDS, _LOCAL_QUICK_SECONDS = 0.5, 0.3
"""With less than this left, in seconds, a service is not asked, a local voice not started."""


class Adapter(Protocol):
    """What every adapter of a model can do beside its port."""

    async def check(self) -> None:
        """Learn whether address and key are right. Raises ProviderError."""
        ...

    async def warm(self) -> None:
        """Open a connection, before anything is asked. Raises nothing."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class TranscriberAdapter(Transcriber, Adapter, Protocol):
    """A Transcriber that can be checked."""


class ReplierAdapter(Replier, Adapter, Protocol):
    """A Replier that can be checked."""


class SynthesizerAdapter(Synthesizer, Adapter, Protocol):
    """A Synthesizer that can be checked."""


class Adapters:
    """The adapters that the settings name, in order; close() lets go of them all."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._closing = AsyncExitStack()
        self.transcribers: dict[str, TranscriberAdapter] = {
            name: self._transcriber(name) for name in settings.configured("transcribers").used
        }
        self.repliers: dict[str, ReplierAdapter] = {
            name: self._replier(name) for name in settings.configured("repliers").used
        }
        self.synthesizers: dict[str, SynthesizerAdapter] = {
            name: self._synthesizer(name) for name in settings.configured("synthesizers").used if name != "clip"
        }
        for adapter in self._all:
            self._closing.push_async_callback(adapter.close)

    async def warm(self) -> None:
        """Open a connection for each, before anything is asked. Raises nothing."""
        await asyncio.gather(*(adapter.warm() for adapter in self._all))

    async def close(self) -> None:
        """Let go of them all."""
        await self._closing.aclose()

    @property
    def _all(self) -> tuple[Adapter, ...]:
        return (*self.transcribers.values(), *self.repliers.values(), *self.synthesizers.values())

    def _transcriber(self, name: str) -> TranscriberAdapter:
        if name == "local":
            return LocalTranscriber(SphinxEars(deadline_seconds=_LOCAL_SECONDS))
        settings = self._settings
        if name == "openai":
            url, key = self._openai("transcribers")
            return OpenAiTranscriber(url, key, model=settings.openai_transcribe_model, timeout_seconds=_EARS_SECONDS)
        if name == "scribe":
            return ElevenLabsTranscriber(
                required(settings.elevenlabs_api_key, "ELEVENLABS_API_KEY").get_secret_value(),
                base_url=settings.elevenlabs_base_url,
                timeout_seconds=_EARS_SECONDS,
            )
        default = f"{ROUTER_URL}/hf-inference/models/{settings.hf_whisper_model}"
        token = required(settings.hf_token, "HF_TOKEN").get_secret_value()
        return WhisperTranscriber(token, settings.hf_whisper_url or default, timeout_seconds=_EARS_SECONDS)

    def _replier(self, name: str) -> ReplierAdapter:
        if name == "canned":
            return CannedReplier()
        settings = self._settings
        if name == "openai":
            url, key = self._openai("repliers")
            return OpenAiReplier(url, key, model=settings.openai_chat_model, timeout_seconds=_PROMPTLY_SECONDS)
        token = required(settings.hf_token, "HF_TOKEN").get_secret_value()
        url = settings.hf_llama_url or f"{ROUTER_URL}/v1"
        return LlamaReplier(token, url, settings.hf_llama_model, timeout_seconds=_PROMPTLY_SECONDS)

    def _synthesizer(self, name: str) -> SynthesizerAdapter:
        settings = self._settings
        if name == "local":
            return LocalSynthesizer(EspeakVoice(deadline_seconds=_LOCAL_SECONDS))
        if name == "openai":
            url, key = self._openai("synthesizers")
            chosen = filled_in(settings.openai_voices, OPENAI_VOICES)
            return OpenAiSynthesizer(
                url, key, model=settings.openai_speech_model, voices=chosen, timeout_seconds=_PROMPTLY_SECONDS
            )
        if name == "cartesia":
            return CartesiaSynthesizer(
                required(settings.cartesia_api_key, "CARTESIA_API_KEY").get_secret_value(),
                model=settings.cartesia_model,
                voices=filled_in(settings.cartesia_voices, CARTESIA_VOICES),
                base_url=settings.cartesia_base_url,
                timeout_seconds=_PROMPTLY_SECONDS,
            )
        return ElevenLabsSynthesizer(
            required(settings.elevenlabs_api_key, "ELEVENLABS_API_KEY").get_secret_value(),
            model=settings.elevenlabs_model,
            voices=filled_in(settings.elevenlabs_voices, ELEVENLABS_VOICES),
            base_url=settings.elevenlabs_base_url,
            timeout_seconds=_PROMPTLY_SECONDS,
        )

    def _openai(self, ladder: LadderName) -> tuple[str, str]:
        """Give the base URL of the OpenAI wire for a ladder, and the key to it, empty where there is none."""
        endpoint = self._settings.openai(ladder)
        return endpoint.url or API_URL, endpoint.key.get_secret_value() if endpoint.key else ""


def hearing(adapters: Adapters) -> Ladder[[Clip, Expected], Transcript]:
    """Make the ladder of transcribers."""
    rungs: list[Rung[[Clip, Expected], Transcript]] = [
        Rung(name, ears(name, adapter), _LOCAL_SECONDS if name == "local" else _EARS_SECONDS, _REMOTE_QUICK_SECONDS)
        for name, adapter in adapters.transcribers.items()
    ]
    return Ladder("hear", *rungs, budget_seconds=_HEAR_SECONDS)


def answering(adapters: Adapters) -> Ladder[[Sequence[ChatTurn], str, Drafts], str]:
    """Make the ladder of repliers; the canned one stands last, named or not: the reply is never empty."""
    repliers: dict[str, Replier] = {**adapters.repliers}
    repliers.setdefault("canned", CannedReplier())
    rungs = [
        Rung(name, whole_reply(name, replier), _MODEL_SECONDS, _REMOTE_QUICK_SECONDS)
        for name, replier in repliers.items()
    ]
    return Ladder("answer", *rungs, budget_seconds=_ANSWER_SECONDS)


def speaking(adapters: Adapters, transcoder: Transcoder) -> Ladder[[Draft], Voiced]:
    """Make the ladder of voices.

    Before the local voice the others get a second chance with the short line; the pre-rendered clip stands last, named
    or not: it cannot fail.
    """
    remote = {name: voice for name, voice in adapters.synthesizers.items() if name != "local"}
    rungs: list[Rung[[Draft], Voiced]] = [
        Rung(name, whole_speech(name, voice, transcoder), _VOICE_SECONDS, _REMOTE_QUICK_SECONDS)
        for name, voice in remote.items()
    ]
    rungs += [
        Rung(
            f"{name}-short",
            _in_its_language(name, short_speech(name, voice, transcoder)),
            _SHORT_SECONDS,
            _REMOTE_QUICK_SECONDS,
            service=name,
        )
        for name, voice in remote.items()
    ]
    if "local" in adapters.synthesizers:
        local = adapters.synthesizers["local"]
        rungs.append(Rung("local", whole_speech("local", local, transcoder), _LOCAL_SECONDS, _LOCAL_QUICK_SECONDS))
    rungs.append(Rung("clip", recorded, _SHORT_SECONDS))
    return Ladder("speak", *rungs, budget_seconds=_SPEAK_SECONDS)


def _in_its_language(
    service: str, speech: Callable[[Draft], Awaitable[Voiced]]
) -> Callable[[Draft], Awaitable[Voiced]]:
    """Let the short line stand in for a reply in its own language only: the local voice may know more languages."""

    async def call(draft: Draft) -> Voiced:
        if draft.language not in LANGUAGES:
            raise NoVoice(service)
        return await speech(draft)

    return call
