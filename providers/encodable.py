"""Text that can be written down: models' servers cut characters in half, and JSON carries the halves. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator


def encodable(text: str) -> str:
    """Join surrogates that belong together, and leave out those that are alone, and NUL: neither is text anywhere."""
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return text.replace("\0", "")


async def whole_characters(pieces: AsyncIterator[str]) -> AsyncGenerator[str]:
    """Pass text on, never cutting a character; half a character that stays alone is left out."""
    held = ""
    async for piece in pieces:
        text = held + piece
        held = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        if whole := encodable(text.removesuffix(held)):
            yield whole
