"""Fetch: Memo → Fetched, from the event, a URL, or the message as the messenger has it now."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audio.clip import Clip
from audio.clips import Line
from audio.errors import UnknownFormat
from audio.formats import Format, sniff
from consumer.events.parse import recordings_in
from consumer.memo.endings import Apology, CannotAnswer, NoRecording
from consumer.memo.states import AbsentAudio, Fetched, InlineAudio, LinkedAudio
from providers.errors import ProviderError, TimedOut, TooLarge
from providers.fallback.deadline import deadline

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from consumer.memo.states import Audio, Memo
    from providers.ports import DownloadObserver, Messenger

SERVICE = "media"
_PATIENCE_SECONDS = 30.0
_SPACE = re.compile(rb"\s+")
_DATA_URI = re.compile(rb"\Adata:[^,]{0,200},")
"""RFC 2397, with a bound."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Fetches the recording."""

    messenger: Messenger
    max_memo_bytes: int

    async def __call__(
        self, memo: Memo, *, seconds: float = _PATIENCE_SECONDS, observer: DownloadObserver | None = None
    ) -> Fetched:
        """Try each place of the recording in order; an unknown container is the last choice.

        `seconds` bounds all places together; `observer` takes each piece of a download as it comes. Raises NoRecording,
        and Apology: nothing could be fetched, or it is too large.
        """
        places = deque(memo.audio)
        end = asyncio.get_running_loop().time() + seconds
        unknown: Clip | None = None
        failures: list[ProviderError | binascii.Error | NoRecording] = []
        while places:
            place = places.popleft()
            try:
                async with _share_until(end, more=bool(places)):
                    found: Clip | tuple[Audio, ...] = await (
                        self._places(memo) if isinstance(place, AbsentAudio) else self._load(place, observer)
                    )
            except (ProviderError, binascii.Error, NoRecording) as failure:
                failures.append(failure)
                continue
            if not isinstance(found, Clip):
                places.extend(found)
            elif found.format is not Format.UNKNOWN:
                return Fetched(memo, found)
            else:
                unknown = unknown or found
        if unknown is not None:
            return Fetched(memo, unknown)
        raise _apology(failures)

    async def _load(self, place: InlineAudio | LinkedAudio, observer: DownloadObserver | None) -> Clip:
        if isinstance(place, LinkedAudio):
            data = await self.messenger.download(place.url, observer=observer)
            return sniffed_clip(data, place.filename, place.mime_type)
        return await asyncio.to_thread(self._from_base64, place.base64, place.filename, place.mime_type)

    async def _places(self, memo: Memo) -> tuple[InlineAudio | LinkedAudio, ...]:
        message = await self.messenger.message(memo.chat_id, memo.message_id)
        found = tuple(audio for audio in recordings_in(message) if not isinstance(audio, AbsentAudio))
        if not found:
            raise NoRecording
        return found

    def _from_base64(self, text: str, filename: str | None, mime_type: str | None) -> Clip:
        if len(text) > self.max_memo_bytes * 4 // 3 + 1024:
            raise TooLarge("event")
        packed = _SPACE.sub(b"", _DATA_URI.sub(b"", text.encode("ascii", "replace")))
        data = base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
        if len(data) > self.max_memo_bytes:
            raise TooLarge("event")
        return sniffed_clip(data, filename, mime_type)


def _share_until(end: float, *, more: bool) -> AbstractAsyncContextManager[None]:
    """Bound the block by the time left; by half of it if there are more places."""
    left = max(0.0, end - asyncio.get_running_loop().time())
    return deadline(left / 2 if more else left, TimedOut(SERVICE))


def sniffed_clip(data: bytes, filename: str | None, mime_type: str | None = None) -> Clip:
    """Build a clip in the container that it seems to have, perhaps UNKNOWN."""
    try:
        return Clip(data, sniff(data, filename=filename, mime_type=mime_type))
    except UnknownFormat:
        return Clip(data, Format.UNKNOWN)


def _apology(failures: Sequence[Exception]) -> CannotAnswer:
    if all(isinstance(failure, NoRecording) for failure in failures):
        return NoRecording()
    if any(isinstance(failure, TooLarge) for failure in failures):
        return Apology(Line.TOO_LONG, "too-large")
    refused = [failure.reason for failure in failures if isinstance(failure, ProviderError)]
    if refused:
        return Apology(Line.NOT_DOWNLOADED, f"media-{refused[0]}")
    return Apology(Line.NOT_PROCESSED, "not-base64")
