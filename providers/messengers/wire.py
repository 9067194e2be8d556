"""Wire format shared by messengers."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from providers.errors import BadAnswer
from providers.wire.sessions import read_body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    import aiohttp

    Json = Mapping[str, object]

_LONGEST_ANSWER_BYTES: Final = 32 * 1024 * 1024
_PIECE_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Wire:
    """Interpreter of one API's answers."""

    service: str
    read_answer: Callable[[aiohttp.ClientResponse], Awaitable[Json]]
    """Raises ProviderError for a refusal."""
    read_sent_id: Callable[[aiohttp.ClientResponse], Awaitable[str]]
    """Raises OutcomeUnknown where the message may be out."""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message to be sent, piece by piece as checked_pieces() does."""

    path: str
    body: bytes = field(repr=False)
    still_ours: Callable[[], None]


async def checked_pieces(data: bytes, still_ours: Callable[[], None]) -> AsyncIterator[bytes]:
    """Stream data, calling `still_ours` before every piece: a suspended worker that lost the memo sends no more."""
    for start in range(0, len(data), _PIECE_BYTES):
        still_ours()
        yield data[start : start + _PIECE_BYTES]


async def read_json(service: str, response: aiohttp.ClientResponse) -> object:
    """Read a bounded JSON answer. Raises BadAnswer."""
    body = await read_body(response, limit_bytes=_LONGEST_ANSWER_BYTES)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadAnswer(service, "not JSON") from None  # the cause would carry the answer along


def sent_since(message: Json, since: float) -> bool:
    """Return whether a message was sent after a moment; False if unknown."""
    for name in ("sent_at", "created_at"):
        with suppress(ValueError):
            return datetime.fromisoformat(str(message.get(name))).timestamp() >= since
    return False
