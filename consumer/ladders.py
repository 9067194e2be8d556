"""Ladders from settings: which rungs there are, in which order, with which deadlines. Imports every adapter."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from audio.espeak import EspeakVoice
from audio.sphinx import SphinxEars
from consumer.stages.answer import whole_reply
from consumer.stages.speak import Voiced, recorded, short_speech, whole_speech
from providers.cartesia import CartesiaSynthesizer
from providers.elevenlabs import ElevenLabsSynthesizer
from providers.huggingface import LlamaReplier, WhisperTranscriber
from providers.ladder import Ladder, Rung
from providers.local import CannedReplier, LocalSynthesizer, LocalTranscriber

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audio.clip import Clip
    from audio.transcode import Transcoder
    from consumer.memo import Answering
    from consumer.settings import Settings
    from providers.ports import ChatTurn, Replier, Synthesizer, Transcriber, Transcript

_HEAR_SECONDS, _ANSWER_SECONDS, _SPEAK_SECONDS = 20.0, 12.0, 20.0
"""Each ladder's budget; ranked by what the vendors' own worst published figures leave room for."""
_LOCAL_SECONDS = 30.0
_INSTANT_SECONDS = 1.0


class Ladders:
    """The three ladders, and the adapters behind them."""

    def __init__(self, settings: Settings, transcoder: Transcoder) -> None:
        self._settings = settings
        self._transcoder = transcoder
        self._closing = AsyncExitStack()
        self.transcribers: Ladder[[Clip], Transcript] = Ladder(
            "hear",
            *(Rung(name, transcriber.transcribe, _LOCAL_SECONDS) for name, transcriber in self._transcribers()),
            budget_seconds=_HEAR_SECONDS,
        )
