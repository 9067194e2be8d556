"""Parts: all that answers a memo, made from settings. Slow to import (the vendors' SDKs): loaded beside the join."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audio.transcode import Transcoder
from consumer import ladders
from consumer.archives import make_owed_archive
from consumer.pipeline import Pipeline
from consumer.settings import required
from consumer.stages.answer import Answer
from consumer.stages.decode import Decode
from consumer.stages.deliver import Deliver
from consumer.stages.fetch import Fetch
from consumer.stages.hear import Hear
from consumer.stages.keep import Keep
from consumer.stages.read import Read
from consumer.stages.remember import Recall, Remember
from consumer.stages.speak import Speak
from providers import language_evidence
from providers.linq import LinqMessenger, Pace
from providers.series import SeriesMessenger

if TYPE_CHECKING:
    from consumer.settings import Settings
    from storage.history import History
    from storage.owed import OwedArchive


@dataclass(frozen=True, slots=True)
class Parts:
    """What a pipeline is made of; close() lets go of it all."""

    adapters: ladders.Adapters
    archive: OwedArchive
    messenger: SeriesMessenger | LinqMessenger
    transcoder: Transcoder
    closing: AsyncExitStack

    async def warm(self) -> None:
        """Do beforehand what the first memo would wait for: handshakes, S3's client, languages. Raises nothing.

        The ladders' breakers are told of none of it.
        """
        connections = (self.messenger.warm(), self.adapters.warm(), self.archive.warm())
        await asyncio.gather(*connections, asyncio.to_thread(language_evidence.load))

    async def close(self) -> None:
        """Close every connection."""
        await self.closing.aclose()


def make_parts(settings: Settings) -> Parts:
    """Make the parts; connects to nobody yet."""
    closing = AsyncExitStack()
    adapters = ladders.Adapters(settings)
    closing.push_async_callback(adapters.close)
    archive = make_owed_archive(settings)
    closing.push_async_callback(archive.close)
    messenger = make_messenger(settings)
    closing.push_async_callback(messenger.close)
    transcoder = Transcoder(settings.ffmpeg, max_seconds=settings.max_memo_seconds)
    return Parts(adapters, archive, messenger, transcoder, closing)


def make_pipeline(settings: Settings, parts: Parts, history: History) -> Pipeline:
    """Put the parts together."""
    return Pipeline(
        messenger=parts.messenger,
        fetch=Fetch(parts.messenger, settings.max_memo_bytes),
        keep=Keep(parts.archive, settings.pseudonym_key),
        decode=Decode(parts.transcoder),
        recall=Recall(history),
        hear=Hear(ladders.hearing(parts.adapters), settings.default_language),
        read=Read(settings.default_language),
        answer=Answer(ladders.answering(parts.adapters)),
        speak=Speak(ladders.speaking(parts.adapters, parts.transcoder)),
        deliver=Deliver(parts.messenger, parts.transcoder, settings.send_seconds, settings.resend_unknown),
        remember=Remember(history),
        default_language=settings.default_language,
    )


def make_messenger(settings: Settings) -> SeriesMessenger | LinqMessenger:
    """Make the client of the API that MESSENGER names."""
    if settings.messenger == "linq":
        return LinqMessenger(
            settings.linq_api_url,
            required(settings.linq_api_key, "LINQ_API_KEY").get_secret_value(),
            media_hosts=settings.media_hosts,
            max_memo_bytes=settings.max_memo_bytes,
            pace=Pace.within(settings.send_seconds),
        )
    return SeriesMessenger(
        required(settings.series_api_url, "SERIES_API_URL"),
        required(settings.series_api_key, "SERIES_API_KEY").get_secret_value(),
        media_hosts=settings.media_hosts,
        max_memo_bytes=settings.max_memo_bytes,
        send_timeout_seconds=settings.send_seconds,
    )
