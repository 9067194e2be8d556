"""Archive: where recordings and replies are kept, and under which keys."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NOTHING: Mapping[str, str] = MappingProxyType({})
PAGE = 10_000
"""Keys that are listed at once, unless another number is asked for."""

MEMO_PREFIX, REPLY_PREFIX = "voice_memo_", "tts_response_"
"""How keys of recordings and of replies begin."""

_UNSAFE = re.compile(r"[^A-Za-z0-9-]+")
_LONGEST_ID = 64
"""Characters of an id that a key carries before it is shortened to a digest."""
_TIMESTAMP = "%Y%m%dT%H%M%SZ"
_KEY = re.compile(
    rf"(?:{MEMO_PREFIX}(?P<user>[A-Za-z0-9-]+)_|{REPLY_PREFIX})"
    r"(?P<at>[0-9]{8}T[0-9]{6}Z)_(?P<id>[A-Za-z0-9-]+)(?:\.original)?\.[a-z0-9]+"
)


class Archive(Protocol):
    """Keeps whole objects under flat keys. Writing a key again with the same bytes changes nothing."""

    async def put(self, key: str, data: bytes, *, content_type: str, about: Mapping[str, str] = NOTHING) -> str:
        """Keep `data`; give where it is, for people (a path or an s3:// URL). Atomic: nobody ever reads half of it.

        Args:
            key: a flat name.
            data: the object, whole.
            content_type: its MIME type, for those who fetch it elsewhere.
            about: short ASCII words about it, by ASCII names; nothing personal. An archive that has no place for them
                leaves them out.

        Raises:
            ArchiveUnavailable: it may succeed later.
            ArchiveForbidden: an operator has to act.
        """
        ...

    async def get(self, key: str) -> bytes:
        """Give what is kept. Raises as put() does, and ArchiveMissing."""
        ...

    async def keys(self, *, prefix: str = "", after: str = "", limit: int = PAGE) -> Sequence[str]:
        """List keys in their order (of UTF-8 bytes): those that begin so and come after that one, so many at most.

        Whatever else lies in the folder or the bucket may be among them. Raises as put() does.
        """
        ...

    async def delete(self, key: str) -> None:
        """Keep an object no longer; one that is not kept is no error. Raises as put() does."""
        ...

    async def check(self) -> None:
        """Learn whether we may write here, without leaving anything behind. Raises as put() does."""
        ...

    async def warm(self) -> None:
        """Do beforehand what the first use would have to wait for. Raises as put() does."""
        ...

    async def close(self) -> None:
        """Let go of connections and threads."""
        ...


def pseudonym(person: str, key: bytes) -> str:
    """Name a person in archive keys without telling the phone number: HMAC-SHA-256 (RFC 2104), 16 hex digits."""
    return hmac.new(key, person.encode(), hashlib.sha256).hexdigest()[:16]


def original_key(user: str, at: datetime, message_id: str, suffix: str) -> str:
    """Key of a recording as it came; an original that is itself WAV is told from our own WAV by `.original.wav`."""
    return f"{MEMO_PREFIX}{_stem(user, at, message_id)}{'.original.wav' if suffix == '.wav' else suffix}"


def wav_key(user: str, at: datetime, message_id: str) -> str:
    """Key of the 16 kHz mono WAV that was listened to."""
    return f"{MEMO_PREFIX}{_stem(user, at, message_id)}.wav"


def reply_key(at: datetime, message_id: str, suffix: str, *, generation: int = 1) -> str:
    """Key of the spoken reply; a further reply to the same memo has its generation's number behind."""
    again = f"-{generation}" if generation > 1 else ""
    return f"{REPLY_PREFIX}{_timestamp(at)}_{safe_id(message_id)}{again}{suffix}"


@dataclass(frozen=True, slots=True)
class Named:
    """What a key of ours says."""

    user: str | None = field(repr=False)
    """Who spoke, as the key has it; None in the key of a reply."""
    at: datetime
    """When the memo was sent, to the second, UTC."""
    memo: str
    """The memo's id as safe_id() gives it; in the key of a reply the generation may stand behind."""


def named(key: str) -> Named | None:
    """Read a key; None where it is none of ours."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    try:
        at = datetime.strptime(found["at"], _TIMESTAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    return Named(found["user"], at, found["id"])


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
    return at.strftime(_TIMESTAMP)
