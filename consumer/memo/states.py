"""The states of a memo: Memo → Fetched → Decoded → Heard → Answering → Spoken → Delivered.

Each holds the one before, so a stage out of order is a type error. From Heard on they hold no recording.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from audio.clip import Clip
    from audio.clips import Line


@dataclass(frozen=True, slots=True)
class InlineAudio:
    """A recording in the event: base64 (RFC 4648, 4), perhaps with whitespace and a data: prefix."""

    base64: str = field(repr=False)
    filename: str | None = field(default=None, repr=False)
    mime_type: str | None = None


@dataclass(frozen=True, slots=True)
class LinkedAudio:
    """A recording behind a URL."""

    url: str = field(repr=False)
    filename: str | None = field(default=None, repr=False)
    mime_type: str | None = None


@dataclass(frozen=True, slots=True)
class AbsentAudio:
    """A recording that only the messenger has."""


Audio = InlineAudio | LinkedAudio | AbsentAudio


class Form(StrEnum):
    """The form of a message, or of a reply."""

    VOICE = "voice"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Memo:
    """A voice memo, or a text message."""

    chat_id: str
    message_id: str  # from the event, or a hash of it
    person: str = field(repr=False)  # a phone number or another handle; empty if unknown
    sent_at: datetime  # UTC; else the record's own time
    audio: tuple[Audio, ...]  # places of the recording, the best first; empty for a text message
    group: bool = False
    text: str | None = field(default=None, repr=False)

    @property
    def form(self) -> Form:
        """The form of the message and of its reply."""
        return Form.VOICE if self.text is None else Form.TEXT


@dataclass(frozen=True, slots=True)
class Fetched:
    """A memo with its recording."""

    memo: Memo
    original: Clip


@dataclass(frozen=True, slots=True)
class Decoded:
    """A recording that can be recognised."""

    fetched: Fetched
    wav: Clip  # 16 kHz, mono, signed 16-bit WAV


@dataclass(frozen=True, slots=True)
class Heard:
    """A memo with its words."""

    memo: Memo
    words: str = field(repr=False)
    language: str  # primary subtag, such as "en"
    rung: str


@dataclass(frozen=True, slots=True)
class Answering:
    """A memo with the words of its reply, or of an apology."""

    memo: Memo
    text: str = field(repr=False)
    language: str
    rung: str
    heard: Heard | None = None  # None for an apology, which has a line, and a constant word as its reason
    line: Line | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Spoken:
    """A reply as a voice memo."""

    answering: Answering
    clip: Clip
    said: str = field(repr=False)  # the reply, or a short line instead
    rung: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """A reply that the messenger has accepted."""

    answering: Answering
    said: str = field(repr=False)
    sent_id: str
    form: Form
