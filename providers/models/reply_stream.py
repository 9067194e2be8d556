"""Streamed replies, checked and bounded."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from providers.errors import BadAnswer
from providers.wire.streams import guard_stalls, has_words
from providers.wire.text import join_surrogates

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

_MAX_CHARACTERS: Final = 8_000
_BROKEN: Final = {"error", "content_filter"}  # finish reasons of an incomplete reply


def is_end(service: str, finish_reason: str | None) -> bool:
    """Return whether this finish reason ends a reply. Raises BadAnswer if it is incomplete."""
    if finish_reason in _BROKEN:
        raise BadAnswer(service, f"finished by {finish_reason}")
    return bool(finish_reason)


async def reply_stream(pieces: AsyncIterator[str], *, service: str, timeout_seconds: float) -> AsyncGenerator[str]:
    """Pass a reply on in whole characters.

    Raises:
        Stalled: no words for `timeout_seconds`.
        BadAnswer: no words at all.
    """
    said, worded = 0, False
    whole = join_surrogates(pieces)
    async with aclosing(guard_stalls(whole, service=service, seconds=timeout_seconds, useful=has_words)) as prompt:
        async for piece in prompt:
            said, worded = said + len(piece), worded or has_words(piece)
            yield piece
            if said >= _MAX_CHARACTERS:  # from a server that minds no max_tokens
                return
    if not worded:
        raise BadAnswer(service, "empty stream")
