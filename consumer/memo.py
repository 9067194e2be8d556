"""The typed states of a memo. Each holds the one before it, so that a stage out of order is a type error.

Memo ─ Fetched ─ Decoded ─ Heard ─ Answering ─ Spoken ─ Delivered

From Heard on a state can be made again from what the ledger knows (consumer/resume.py), so it holds no sound that has
served its purpose.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from audio.clip import Clip
    from audio.clips import Line
    from storage.history import Turn


@dataclass(frozen=True, slots=True)
class InlineAudio:
    """The recording came with the event, base64 as in RFC 4648 section 4 (whitespace and a data: prefix tolerated)."""

    base64: str = field(repr=False)
    filename: str | None = field(default=None, repr=False)
    mime_type: str | None = None


@dataclass(frozen=True, slots=True)
class LinkedAudio:
    """The recording is to be fetched."""

    url: str = field(repr=False)
    filename: str | None = field(default=None, repr=False)
    mime_type: str | None = None


@dataclass(frozen=True, slots=True)
class AbsentAudio:
    """The event says that there is a recording and does not carry it: ask the Series API for the message."""


Audio = InlineAudio | LinkedAudio | AbsentAudio


@dataclass(frozen=True, slots=True)
class Memo:
    """A voice memo as it was announced."""

    chat_id: str
    message_id: str
    """From the event, or a hash of it."""
    person: str = field(repr=False)
    """Who spoke: a phone number or another handle; empty when the event does not say."""
    sent_at: datetime
    """With zone, UTC; the record's own time where the event does not say."""
    audio: tuple[Audio, ...]
    """Where the recording may be had, the best first; never empty, but for what is no recording."""
    group: bool = False
    """Whether several people share the chat."""
    text: str | None = field(default=None, repr=False)
    """What was written, where it was: such a message is answered in writing. None for a recording."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The recording is at hand."""

    memo: Memo
    original: Clip


@dataclass(frozen=True, slots=True)
class Decoded:
    """The recording can be listened to."""

    fetched: Fetched
    wav: Clip
    """16 kHz, mono, signed 16-bit WAV."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The words are known. The sound is let go: nothing that follows needs it, and the ledger may give the words."""

    memo: Memo
    words: str = field(repr=False)
    language: str
    """Primary subtag, such as "en"."""
    rung: str
    past: tuple[Turn, ...] = ()
    """What was said in this chat before, oldest first."""


@dataclass(frozen=True, slots=True)
class Answering:
    """What to say is known."""

    memo: Memo
    text: str = field(repr=False)
    language: str
    rung: str
    heard: Heard | None = None
    """None when this is a spoken fallback: there was nothing to answer to."""
    line: Line | None = None
    """The pre-written line that this is, when it is one."""
    reason: str | None = None
    """Why it is one: a constant word."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """The reply is a voice memo."""

    answering: Answering
    clip: Clip
    said: str = field(repr=False)
    """What the clip says: the reply, or the line that stands in for it."""
    rung: str


class Form(StrEnum):
    """In which form a reply went out."""

    VOICE = "voice"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Delivered:
    """The reply is with the Series API."""

    answering: Answering
    said: str = field(repr=False)
    sent_id: str
    form: Form
