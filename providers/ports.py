"""The ports: what we ask of the outside world, and the values that pass through.

Every method may be cancelled at any await and then leaves nothing behind (no process, file, socket or running request).
Every method raises ProviderError, and nothing else, for whatever the service does wrong; a bug stays a bug (I8).
Only the Messenger retries (it alone knows what may be asked twice); for all others fallback lives one level up, in the
ladder. None outlives its own explicit timeouts.
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
    """What was said."""

    text: str = field(repr=False)
    """The words, stripped; empty when nothing was recognised."""
    language: str | None = None
    """Primary subtag (BCP 47, such as "en") as the service reported it; None where it does not say."""


class Transcriber(Protocol):
    """Speech to text."""

    async def transcribe(self, speech: Clip, *, language: str | None = None) -> Transcript:
        """Recognise a 16 kHz mono s16 WAV. `language` is a hint, where the service takes one."""
        ...


class Role(StrEnum):
    """Who speaks in a chat turn, in the words of the OpenAI chat wire."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class ChatTurn:
    """One turn of the conversation given to the model."""

    role: Role
    text: str = field(repr=False)


class Replier(Protocol):
    """Conversation to reply."""

    def reply(self, turns: Sequence[ChatTurn], *, language: str) -> AsyncGenerator[str]:
        """Stream the reply's text, piece by piece as the model writes it; `language` is a primary subtag."""
        ...


class Synthesizer(Protocol):
    """Text to speech."""

    @property
    def sample_rate(self) -> int:
        """Of the PCM that speak() gives, in Hz."""
        ...

    def speak(self, text: str, *, language: str, before: str = "", after: str = "") -> AsyncGenerator[bytes]:
        """Stream mono signed 16-bit little-endian PCM, in pieces of a whole number of samples.

        Args:
            text: what is said.
            language: a primary subtag.
            before: what was said before it, in the same breath; for the melody, where the service heeds it.
            after: what will be said after it, as far as it is known.
        """
        ...


@dataclass(frozen=True, slots=True)
class VoiceReply:
    """A reply that is ready to go."""

    chat_id: str
    clip: Clip
    text: str = field(repr=False)
    """What the clip says; the API wants a text that is not empty."""
    filename: str
    """Derived from the memo's id, so that a later holder can look for it."""
    idempotency_key: str
    """Matches ^[a-zA-Z0-9_-]+$, as the API demands."""


@dataclass(frozen=True, slots=True)
class SentText:
    """A message that is no more than a text."""

    text: str = field(repr=False)
    since: float
    """Not sent before this, in seconds since the epoch: a text may be said again and again."""


def always_ours() -> None:
    """Object to nothing."""


class Onlooker(Protocol):
    """Who looks on while a recording comes."""

    def begin(self) -> None:
        """The recording begins; if it did so before, that was an attempt that failed."""
        ...

    def take(self, piece: bytes) -> None:
        """The next piece of it."""
        ...


class Messenger(Protocol):
    """A chat service: downloads, sends and lists messages. It never repeats a send whose outcome is unknown."""

    @property
    def service(self) -> str:
        """Its short name, as in errors and logs."""
        ...

    @property
    def listed_by_seconds(self) -> float:
        """How long it may take to list a message that it has accepted, in seconds; 0 if it lists at once."""
        ...

    async def download(self, url: str, *, onlooker: Onlooker | None = None) -> bytes:
        """Fetch a recording: allowed hosts only, capped, every redirect checked anew.

        Args:
            url: where it is.
            onlooker: is shown each piece as it comes.

        Raises:
            Forbidden: the host is not allowed.
            TooLarge: there are more bytes than the limit.
        """
        ...

    async def message(self, chat_id: str, message_id: str) -> Mapping[str, object]:
        """Ask for a message as the API has it now (its JSON `data` object)."""
        ...

    def typing(self, chat_id: str) -> AbstractAsyncContextManager[None]:
        """Show that we are at it while the block runs; refreshed, and taken back on every path; never raises."""
        ...

    async def send_voice(self, reply: VoiceReply, *, still_ours: Callable[[], None] = always_ours) -> str:
        """Send a voice message; give its message id.

        Args:
            reply: what to send.
            still_ours: asked before every piece of the request; what it raises ends the send before it is whole.

        Raises:
            OutcomeUnknown: the request went out whole and no answer came.
        """
        ...

    async def send_text(
        self, chat_id: str, text: str, *, idempotency_key: str, still_ours: Callable[[], None] = always_ours
    ) -> str:
        """Send a text message; give its message id. Raises as send_voice() does."""
        ...

    async def find_sent(self, chat_id: str, *, filenames: Collection[str], text: SentText | None = None) -> str | None:
        """Look for a message with an attachment of one of these names, or that text alone; give its id, or None."""
        ...

    async def check(self) -> None:
        """Ask for something cheap, to learn whether address and key are right."""
        ...
