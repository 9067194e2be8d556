"""Repair of text with split surrogate pairs, which models' servers put into JSON. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator


def repair_surrogates(text: str) -> str:
    """Join split surrogate pairs; drop lone ones and NUL."""
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return text.replace("\0", "")


async def join_surrogates(pieces: AsyncIterator[str]) -> AsyncGenerator[str]:
    """Pass text on without splitting a character."""
    held = ""
    async for piece in pieces:
        text = held + piece
        held = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        if whole := repair_surrogates(text.removesuffix(held)):
            yield whole
