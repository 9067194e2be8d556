"""Fetch: Memo → Fetched. Inline base64, else the media URL, else the message as the Series API has it now."""

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
from consumer.events import recordings
from consumer.memo import AbsentAudio, Fetched, InlineAudio, LinkedAudio
from consumer.progress import CannotAnswer
from consumer.stages.apology import Apology
from providers.deadline import deadline
from providers.errors import ProviderError, TimedOut, TooLarge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from consumer.memo import Audio, Memo
    from providers.ports import Messenger, Onlooker

SERVICE = "media"
_PATIENCE_SECONDS = 30.0
_SPACE = re.compile(rb"\s+")
_DATA_URI = re.compile(rb"\Adata:[^,]{0,200},")
"""RFC 2397, with a bound."""


class NoRecording(CannotAnswer):
    """The Series API says that this message has no recording: it was no voice memo after all."""

    def __init__(self) -> None:
        super().__init__("no-audio")


@dataclass(frozen=True, slots=True)
class Fetch:
    """Gets the recording itself."""

    messenger: Messenger
    max_memo_bytes: int

    async def __call__(
        self, memo: Memo, *, seconds: float = _PATIENCE_SECONDS, onlooker: Onlooker | None = None
    ) -> Fetched:
        """Try each place where the recording may be had, in order, until one gives sound that we know.

        Bytes of no container that we know are given as Format.UNKNOWN when there is nothing better: they are kept, too.

        Args:
            memo: that was announced.
            seconds: for all places together, in seconds; one that may be followed by another has half of what is left.
            onlooker: is shown each piece of a download as it comes.

        Raises:
            Apology: nothing could be fetched, or it is too large.
            NoRecording: the message has none.
        """
        places = deque(memo.audio)
        end = asyncio.get_running_loop().time() + seconds
        unknown: Clip | None = None
        failures: list[ProviderError | binascii.Error | NoRecording] = []
        while places:
            place = places.popleft()
            try:
                async with _in_time(end, more=bool(places)):
                    found = await self._looked_up(place, memo, onlooker)
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

    async def _looked_up(
        self, place: Audio, memo: Memo, onlooker: Onlooker | None
    ) -> Clip | tuple[InlineAudio | LinkedAudio, ...]:
        """Give the recording, or further places where it may be."""
        return await (self._asked(memo) if isinstance(place, AbsentAudio) else self._from(place, onlooker))

    async def _from(self, place: InlineAudio | LinkedAudio, onlooker: Onlooker | None) -> Clip:
        if isinstance(place, LinkedAudio):
            data = await self.messenger.download(place.url, onlooker=onlooker)
            return _clip(data, place.filename, place.mime_type)
        return await asyncio.to_thread(self._decoded, place.base64, place.filename, place.mime_type)

    async def _asked(self, memo: Memo) -> tuple[InlineAudio | LinkedAudio, ...]:
        """Ask for the message: what it carries is inline or linked, never absent again."""
        message = await self.messenger.message(memo.chat_id, memo.message_id)
        found = tuple(audio for audio in recordings(message) if not isinstance(audio, AbsentAudio))
        if not found:
            raise NoRecording
        return found

    def _decoded(self, text: str, filename: str | None, mime_type: str | None) -> Clip:
        if len(text) > self.max_memo_bytes * 4 // 3 + 1024:
            raise TooLarge("event")
        packed = _SPACE.sub(b"", _DATA_URI.sub(b"", text.encode("ascii", "replace")))
        data = base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
        if len(data) > self.max_memo_bytes:
            raise TooLarge("event")
        return _clip(data, filename, mime_type)


def _in_time(end: float, *, more: bool) -> AbstractAsyncContextManager[None]:
    """Give the block what is left until `end`, by the loop's time; half of it if there is more to come."""
    left = max(0.0, end - asyncio.get_running_loop().time())
    return deadline(left / 2 if more else left, TimedOut(SERVICE))


def _clip(data: bytes, filename: str | None, mime_type: str | None) -> Clip:
    try:
        return Clip(data, sniff(data, filename=filename, mime_type=mime_type))
    except UnknownFormat:
        return Clip(data, Format.UNKNOWN)


def _apology(failures: Sequence[Exception]) -> CannotAnswer:
    """Say the most telling of what went wrong; that there is no recording, only when nothing else did."""
    if all(isinstance(failure, NoRecording) for failure in failures):
        return NoRecording()
    if any(isinstance(failure, TooLarge) for failure in failures):
        return Apology(Line.TOO_LONG, "too-large")
    refused = [failure.reason for failure in failures if isinstance(failure, ProviderError)]
    if refused:
        return Apology(Line.NOT_DOWNLOADED, f"media-{refused[0]}")
    return Apology(Line.NOT_PROCESSED, "not-base64")
