"""What the wires of all messengers share: a message on its way out, how its time is read again, and answers in JSON."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from providers.errors import BadAnswer
from providers.http import body_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    import aiohttp

    Json = Mapping[str, object]

_LONGEST_ANSWER_BYTES: Final = 32 * 1024 * 1024
_PIECE_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Wire:
    """What the answers of one API mean."""

    service: str
    """Its name in errors."""
    answer_of: Callable[[aiohttp.ClientResponse], Awaitable[Json]]
    """Gives an answer's JSON object; raises ProviderError for a refusal."""
    sent_id_of: Callable[[aiohttp.ClientResponse], Awaitable[str]]
    """Gives the new message's id; raises OutcomeUnknown for what cannot be told from a message that is out."""


@dataclass(frozen=True, slots=True)
class Send:
    """A message on its way out."""

    path: str
    """Where it is posted to."""
    body: bytes = field(repr=False)
    still_ours: Callable[[], None]

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give the body piece by piece: a worker that was stopped half-way and lost the memo never sends the rest."""
        for start in range(0, len(self.body), _PIECE_BYTES):
            self.still_ours()
            yield self.body[start : start + _PIECE_BYTES]


async def json_of(service: str, response: aiohttp.ClientResponse) -> object:
    """Read an answer, up to a bound. Raises BadAnswer."""
    body = await body_of(response, limit_bytes=_LONGEST_ANSWER_BYTES)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadAnswer(service, "not JSON") from None  # the cause would carry the answer along


def sent_since(message: Json, since: float) -> bool:
    """Say whether a message was sent after a moment; one that does not say when was not."""
    for name in ("sent_at", "created_at"):
        with suppress(ValueError):
            return datetime.fromisoformat(str(message.get(name))).timestamp() >= since
    return False
