"""The states of a memo: Memo → Fetched → Decoded → Heard → Answering → Spoken → Delivered.

Each holds the one before it, so that a stage out of order is a type error. From Heard on a state can be restored from
the ledger (consumer/resume.py), so the recording is let go.
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
    """A recording within the event, base64 as in RFC 4648 section 4 (whitespace and a data: prefix tolerated)."""

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
    """A recording that the event mentions and does not carry: the messenger has to be asked for the message."""


Audio = InlineAudio | LinkedAudio | AbsentAudio


class Form(StrEnum):
    """The form of a message, or of a reply."""

    VOICE = "voice"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Memo:
    """A voice memo, or a text message, as it was announced."""

    chat_id: str
    message_id: str
    """From the event, or a hash of it."""
    person: str = field(repr=False)
    """A phone number or another handle; empty if the event has none."""
    sent_at: datetime
    """UTC; the record's own time if the event has none."""
    audio: tuple[Audio, ...]
    """Where the recording may be, the best place first; empty for a text message only."""
    group: bool = False
    text: str | None = field(default=None, repr=False)
    """Of a text message."""

    @property
    def form(self) -> Form:
        """The form in which it came, and is answered."""
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
    wav: Clip
    """16 kHz, mono, signed 16-bit WAV."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A memo with its words."""

    memo: Memo
    words: str = field(repr=False)
    language: str
    """Primary subtag, such as "en"."""
    rung: str


@dataclass(frozen=True, slots=True)
class Answering:
    """A memo with the words of its reply."""

    memo: Memo
    text: str = field(repr=False)
    language: str
    rung: str
    heard: Heard | None = None
    """None for an apology."""
    line: Line | None = None
    """The pre-written line, if this is an apology."""
    reason: str | None = None
    """Why it is one; a constant word."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A reply as a voice memo."""

    answering: Answering
    clip: Clip
    said: str = field(repr=False)
    """What the clip says: the reply, or a short line instead."""
    rung: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """A reply that the messenger has accepted."""

    answering: Answering
    said: str = field(repr=False)
    sent_id: str
    form: Form
