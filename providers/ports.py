"""Ports to outside services, and the values that pass through them.

Every method may be cancelled at any await and then leaves no process, file, socket or request behind. It raises
ProviderError for whatever the service does wrong, and nothing else; a bug stays a bug (I8). It has time-outs of its
own. Only the Messenger retries, as it alone knows what may be repeated; for the others the ladder falls back.
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
    """Primary subtag (BCP 47), as reported by the service, if it does."""


class Transcriber(Protocol):
    """Speech to text."""

    async def transcribe(self, speech: Clip, *, language: str | None = None) -> Transcript:
        """Recognize a 16 kHz mono s16 WAV; `language` is a hint."""
        ...


class Role(StrEnum):
    """The speaker of a chat turn, as named by the OpenAI chat wire."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class ChatTurn:
    """One turn of the conversation given to the model."""

    role: Role
    text: str = field(repr=False)


class Replier(Protocol):
    """Language model."""

    def reply(self, turns: Sequence[ChatTurn], *, language: str) -> AsyncGenerator[str]:
        """Stream the reply's text as the model writes it; `language` is a primary subtag."""
        ...


class Synthesizer(Protocol):
    """Text to speech."""

    @property
    def sample_rate(self) -> int:
        """Of speak()'s PCM, in Hz."""
        ...

    def speak(self, text: str, *, language: str, before: str = "", after: str = "") -> AsyncGenerator[bytes]:
        """Stream mono signed 16-bit little-endian PCM, in pieces of whole samples.

        Args:
            text: to be spoken.
            language: a primary subtag.
            before: the text spoken just before, for the melody, if the service supports it.
            after: the text to be spoken after it, as far as it is known.
        """
        ...


@dataclass(frozen=True, slots=True)
class VoiceReply:
    """A reply ready to be sent."""

    chat_id: str
    clip: Clip
    text: str = field(repr=False)
    """What the clip says; the API requires a text."""
    filename: str
    """Derived from the memo's id, so that a later holder can find the message."""
    idempotency_key: str
    """Matches ^[a-zA-Z0-9_-]+$, as the API requires."""


@dataclass(frozen=True, slots=True)
class SentText:
    """A text message to be found again."""

    text: str = field(repr=False)
    since: float
    """Seconds since the epoch: older messages of the same text are others."""


def always_ours() -> None:
    """Do nothing: the default of `still_ours`."""


class Onlooker(Protocol):
    """Observer of a download."""

    def begin(self) -> None:
        """Start a recording; an earlier one was a failed attempt."""
        ...

    def take(self, piece: bytes) -> None:
        """Take the next piece."""
        ...


class Messenger(Protocol):
    """A messaging API, as far as we use it."""

    async def download(self, url: str, *, onlooker: Onlooker | None = None) -> bytes:
        """Download a recording: allowed hosts only, size capped, every redirect checked.

        Args:
            url: of the recording.
            onlooker: gets each piece as it arrives.

        Raises:
            Forbidden: the host is not allowed.
            TooLarge: more bytes than the limit.
        """
        ...

    async def message(self, chat_id: str, message_id: str) -> Mapping[str, object]:
        """Fetch a message in its present state (its JSON `data` object)."""
        ...

    def typing(self, chat_id: str) -> AbstractAsyncContextManager[None]:
        """Show the typing indicator while the block runs. Never raises."""
        ...

    async def send_voice(self, reply: VoiceReply, *, still_ours: Callable[[], None] = always_ours) -> str:
        """Send a voice message; return its id.

        Args:
            reply: what to send.
            still_ours: called before every piece of the request; what it raises aborts the send before it is whole.

        Raises:
            OutcomeUnknown: the whole request was sent and not answered.
        """
        ...

    async def send_text(
        self, chat_id: str, text: str, *, idempotency_key: str, still_ours: Callable[[], None] = always_ours
    ) -> str:
        """Send a text message; return its id. Raises as send_voice() does."""
        ...

    async def find_sent(self, chat_id: str, *, filenames: Collection[str], text: SentText | None = None) -> str | None:
        """Return the id of a message with one of these attachments, or with only that text; None if absent."""
        ...

    async def check(self) -> None:
        """Make a cheap request, to check address and key."""
        ...
