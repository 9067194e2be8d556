"""PCM as the network cuts it: pieces of any length become pieces of whole samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

_SAMPLE_BYTES = 2


async def whole_samples(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Pass 16-bit PCM on, never cutting a sample; a last half sample is dropped."""
    left = b""
    async for piece in pieces:
        joined = left + piece
        end = len(joined) // _SAMPLE_BYTES * _SAMPLE_BYTES
        left = joined[end:]
        if end:
            yield joined[:end]
