"""Archive of recordings and replies, and its keys."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NO_METADATA: Mapping[str, str] = MappingProxyType({})
KEYS_PER_PAGE = 10_000
MEMO_PREFIX, REPLY_PREFIX = "voice_memo_", "tts_response_"

_UNSAFE = re.compile(r"[^A-Za-z0-9-]+")
_LONGEST_ID = 64
_TIMESTAMP = "%Y%m%dT%H%M%SZ"
_KEY = re.compile(
    rf"(?:{MEMO_PREFIX}(?P<user>[A-Za-z0-9-]+)_|{REPLY_PREFIX})"
    r"(?P<at>[0-9]{8}T[0-9]{6}Z)_(?P<id>[A-Za-z0-9-]+)(?:\.original)?\.[a-z0-9]+"
)


class Archive(Protocol):
    """Whole objects under flat keys. Every method raises ArchiveUnavailable and ArchiveForbidden."""

    async def put(self, key: str, data: bytes, *, content_type: str, about: Mapping[str, str] = NO_METADATA) -> str:
        """Keep an object atomically; return its place, for people (a path or an s3:// URL).

        `about` is ASCII metadata, nothing personal; an archive may drop it.
        """

    async def get(self, key: str) -> bytes:
        """Return an object. Raises ArchiveMissing."""

    async def keys(self, *, prefix: str = "", after: str = "", limit: int = KEYS_PER_PAGE) -> Sequence[str]:
        """List keys in order of their UTF-8 bytes, foreign ones too."""

    async def delete(self, key: str) -> None:
        """Delete an object; a missing one is no error."""

    async def check(self) -> None:
        """Check that it can be written."""

    async def warm(self) -> None:
        """Do in advance what the first use would wait for."""

    async def close(self) -> None:
        """Close connections and threads."""


def original_key(user: str, at: datetime, message_id: str, suffix: str) -> str:
    """Return the key of a recording as received; a WAV's ends in `.original.wav`, unlike our own."""
    return f"{MEMO_PREFIX}{_stem(user, at, message_id)}{'.original.wav' if suffix == '.wav' else suffix}"


def wav_key(user: str, at: datetime, message_id: str) -> str:
    """Return the key of our 16 kHz mono WAV."""
    return f"{MEMO_PREFIX}{_stem(user, at, message_id)}.wav"


def reply_key(at: datetime, message_id: str, suffix: str, *, generation: int = 1) -> str:
    """Return the key of a spoken reply, with its number from the second on."""
    again = f"-{generation}" if generation > 1 else ""
    return f"{REPLY_PREFIX}{_timestamp(at)}_{safe_id(message_id)}{again}{suffix}"


@dataclass(frozen=True, slots=True)
class ParsedKey:
    """A key's parts."""

    user: str | None = field(repr=False)
    """None for a reply."""
    at: datetime
    """When the memo was sent, in whole seconds, UTC."""
    memo: str
    """Its safe_id(), for a reply perhaps with the generation."""


def parse_key(key: str) -> ParsedKey | None:
    """Parse a key; None if it is foreign."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    try:
        at = datetime.strptime(found["at"], _TIMESTAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    return ParsedKey(found["user"], at, found["id"])


def safe_id(text: str) -> str:
    """Map an id to [A-Za-z0-9-] so that distinct ids stay distinct."""
    safe = _UNSAFE.sub("-", text).strip("-")
    if safe == text and len(text) <= _LONGEST_ID:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{safe[: _LONGEST_ID - 13]}-{digest}" if safe else digest


def _stem(user: str, at: datetime, message_id: str) -> str:
    return f"{safe_id(user)}_{_timestamp(at)}_{safe_id(message_id)}"


def _timestamp(at: datetime) -> str:
    return at.strftime(_TIMESTAMP)
