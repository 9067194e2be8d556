"""Wiring of the pipeline. Slow to import because of the vendors' SDKs."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audio.transcode import Transcoder
from consumer.pipeline import Pipeline
from consumer.stages.answer import Answer
from consumer.stages.decode import Decode
from consumer.stages.deliver import Deliver
from consumer.stages.fetch import Fetch
from consumer.stages.hear import Hear, Read
from consumer.stages.keep import Keep
from consumer.stages.remember import Remember
from consumer.stages.speak import Speak
from conversation import ladders
from conversation.language import evidence
from providers.factory import Adapters, make_messenger
from storage.factory import make_retrying_archive

if TYPE_CHECKING:
    from consumer.settings import Settings
    from providers.messengers.linq import LinqMessenger
    from providers.messengers.series import SeriesMessenger
    from storage.archives.retrying import RetryingArchive
    from storage.history import History


@dataclass(frozen=True, slots=True)
class PipelineParts:
    """The parts of a pipeline that hold connections."""

    adapters: Adapters
    archive: RetryingArchive
    messenger: SeriesMessenger | LinqMessenger
    transcoder: Transcoder
    closing: AsyncExitStack

    async def warm(self) -> None:
        """Make what the first memo would wait for: connections, S3's client, language data. Raises nothing."""
        connections = (self.messenger.warm(), self.adapters.warm(), self.archive.warm())
        await asyncio.gather(*connections, asyncio.to_thread(evidence.load))

    async def close(self) -> None:
        """Close every connection."""
        await self.closing.aclose()


def make_parts(settings: Settings) -> PipelineParts:
    """Make the parts, without connecting."""
    closing = AsyncExitStack()
    adapters = Adapters(settings.models)
    closing.push_async_callback(adapters.close)
    archive = make_retrying_archive(settings.archive)
    closing.push_async_callback(archive.close)
    worker = settings.worker
    messenger = make_messenger(
        settings.messaging, max_memo_bytes=worker.max_memo_bytes, send_seconds=worker.send_seconds
    )
    closing.push_async_callback(messenger.close)
    transcoder = Transcoder(worker.ffmpeg, max_seconds=worker.max_memo_seconds)
    return PipelineParts(adapters, archive, messenger, transcoder, closing)


def make_pipeline(settings: Settings, parts: PipelineParts, history: History) -> Pipeline:
    """Make the pipeline."""
    worker = settings.worker
    return Pipeline(
        messenger=parts.messenger,
        fetch=Fetch(parts.messenger, worker.max_memo_bytes),
        keep=Keep(parts.archive, settings.pseudonym_key),
        decode=Decode(parts.transcoder),
        hear=Hear(ladders.hearing(parts.adapters), worker.default_language),
        read=Read(worker.default_language),
        answer=Answer(ladders.answering(parts.adapters)),
        speak=Speak(ladders.speaking(parts.adapters, parts.transcoder)),
        deliver=Deliver(parts.messenger, parts.transcoder, worker.send_seconds, worker.resend_unknown),
        remember=Remember(history),
        default_language=worker.default_language,
    )
