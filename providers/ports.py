"""Ports to outside services.

A method may be cancelled at any await, leaving nothing behind. It has time-outs. It raises only ProviderError for the
service's faults; a bug stays a bug (I8). Only the Messenger retries; for the others the ladder falls back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from audio.clip import Clip


@dataclass(frozen=True, slots=True)
class Transcript:
    """Recognized speech."""

    text: str = field(repr=False)
    """Stripped; empty when nothing was recognized."""
    language: str | None = None
    """Primary subtag (BCP 47), if the service reports it."""


class Transcriber(Protocol):
    """Speech to text."""

    async def transcribe(self, speech: Clip, *, language: str | None = None) -> Transcript:
        """Recognize a 16 kHz mono s16 WAV; `language` is a hint."""


class Role(StrEnum):
    """As on the OpenAI chat wire."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class ChatTurn:
    """One turn of the conversation for the model."""

    role: Role
    text: str = field(repr=False)


class Replier(Protocol):
    """Language model."""

    def reply(self, turns: Sequence[ChatTurn], *, language: str) -> AsyncGenerator[str]:
        """Stream the reply as it is written; `language` is a primary subtag."""


class Synthesizer(Protocol):
    """Text to speech."""

    @property
    def sample_rate(self) -> int:
        """Sample rate in Hz."""

    def speak(self, text: str, *, language: str, before: str = "", after: str = "") -> AsyncGenerator[bytes]:
        """Stream mono s16le PCM in whole samples; `before` and `after` are neighbouring text, for the melody."""


@dataclass(frozen=True, slots=True)
class VoiceReply:
    """A reply ready to be sent."""

    chat_id: str
    clip: Clip
    text: str = field(repr=False)
    """Required by the API."""
    filename: str
    """Derived from the memo's id, to find the message by."""
    idempotency_key: str
    """Matches ^[a-zA-Z0-9_-]+$."""


@dataclass(frozen=True, slots=True)
class SentText:
    """A text message to search for."""

    text: str = field(repr=False)
    since: float
    """Seconds since the epoch; earlier messages do not count."""


def always_ours() -> None:
    """Do nothing: the default of `still_ours`."""


class DownloadObserver(Protocol):
    """Observer of a download."""

    def begin(self) -> None:
        """Start a recording; an earlier one was a failed attempt."""

    def take(self, piece: bytes) -> None:
        """Take the next piece."""


class Messenger(Protocol):
    """A messaging API. It never repeats a send whose outcome is unknown."""

    @property
    def service(self) -> str:
        """Its short name in errors and logs."""

    @property
    def listed_by_seconds(self) -> float:
        """How long it may take to list a message that it has accepted, in seconds; 0 if it lists at once."""

    async def download(self, url: str, *, observer: DownloadObserver | None = None) -> bytes:
        """Download a recording, showing each piece to the observer. Raises Forbidden and TooLarge."""

    async def message(self, chat_id: str, message_id: str) -> Mapping[str, object]:
        """Fetch a message (its JSON `data` object)."""

    def typing(self, chat_id: str) -> AbstractAsyncContextManager[None]:
        """Show the typing indicator while the block runs. Never raises."""

    async def send_voice(self, reply: VoiceReply, *, still_ours: Callable[[], None] = always_ours) -> str:
        """Send a voice message; return its id. Raises OutcomeUnknown.

        `still_ours` is called before every piece of the request; its exception aborts the send.
        """

    async def send_text(
        self, chat_id: str, text: str, *, idempotency_key: str, still_ours: Callable[[], None] = always_ours
    ) -> str:
        """Send a text message; return its id. Raises OutcomeUnknown."""

    async def find_sent(self, chat_id: str, *, filenames: Collection[str], text: SentText | None = None) -> str | None:
        """Return the id of a message with one of these files, or only that text."""

    async def check(self) -> None:
        """Check address and key with a cheap request."""
