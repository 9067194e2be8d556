"""Archive: where recordings and replies are kept, and under which keys."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

_UNSAFE = re.compile(r"[^A-Za-z0-9-]+")
_LONGEST_ID = 64
"""Characters of an id that a key carries before it is shortened to a digest."""


class Archive(Protocol):
    """Keeps whole objects under flat keys. Writing a key again with the same bytes changes nothing."""

    async def put(self, key: str, data: bytes, *, content_type: str) -> str:
        """Keep `data`; give where it is, for people (a path or an s3:// URL). Atomic: nobody ever reads half of it.

        Raises:
            ArchiveUnavailable: it may succeed later.
            ArchiveForbidden: an operator has to act.
        """
        ...

    async def get(self, key: str) -> bytes:
        """Give what is kept. Raises as put() does, and ArchiveMissing."""
        ...

    async def check(self) -> None:
        """Learn whether we may write here, without leaving anything behind. Raises as put() does."""
        ...

    async def close(self) -> None:
        """Let go of connections and threads."""
        ...


def pseudonym(person: str, key: bytes) -> str:
    """Name a person in archive keys without telling the phone number: HMAC-SHA-256 (RFC 2104), 16 hex digits."""
    return hmac.new(key, person.encode(), hashlib.sha256).hexdigest()[:16]


def original_key(user: str, at: datetime, message_id: str, suffix: str) -> str:
    """Key of a recording as it came; an original that is itself WAV is told from our own WAV by `.original.wav`."""
    return f"voice_memo_{_stem(user, at, message_id)}{'.original.wav' if suffix == '.wav' else suffix}"


def wav_key(user: str, at: datetime, message_id: str) -> str:
    """Key of the 16 kHz mono WAV that was listened to."""
    return f"voice_memo_{_stem(user, at, message_id)}.wav"


def reply_key(at: datetime, message_id: str, suffix: str, *, generation: int = 1) -> str:
    """Key of the spoken reply; a further reply to the same memo has its generation's number behind."""
    again = f"-{generation}" if generation > 1 else ""
    return f"tts_response_{_timestamp(at)}_{safe_id(message_id)}{again}{suffix}"


def safe_id(text: str) -> str:
    """Make an id fit for file names, object keys and idempotency keys: [A-Za-z0-9-], distinct ids staying distinct."""
    safe = _UNSAFE.sub("-", text).strip("-")
    if safe == text and len(text) <= _LONGEST_ID:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{safe[: _LONGEST_ID - 13]}-{digest}" if safe else digest


def _stem(user: str, at: datetime, message_id: str) -> str:
    return f"{safe_id(user)}_{_timestamp(at)}_{safe_id(message_id)}"


def _timestamp(at: datetime) -> str:
    return at.strftime("%Y%m%dT%H%M%SZ")
