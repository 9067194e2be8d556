"""Text from outside can be written down, and loses nothing by it."""

from __future__ import annotations

import asyncio
import struct
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import example, given
from hypothesis import strategies as st

from providers.wire.text import join_surrogates, repair_surrogates

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ANY = st.text(st.characters(exclude_categories=()))
"""Surrogates too."""
WRITTEN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def halved(text: str) -> str:
    """Cut each character outside the basic plane into its surrogates."""
    written = text.encode("utf-16-le", "surrogatepass")
    return "".join(chr(unit) for (unit,) in struct.iter_unpack("<H", written))


@given(ANY)
def test_any_text_can_be_encoded(text: str) -> None:
    """What comes out is UTF-8 without NUL, and comes out of itself."""
    made = repair_surrogates(text)
    assert made.encode().decode() == made == repair_surrogates(made)
    assert "\0" not in made


@given(WRITTEN)
@example("\ufeffa\ufffe")
def test_text_stays_as_it_is(text: str) -> None:
    """What can be written down is not touched; nor is what came in halves, once it is joined."""
    assert repair_surrogates(text) == text
    assert repair_surrogates(halved(text)) == text


@given(text=ANY, cuts=st.lists(st.integers(0, 50)))
@example(text="\U0001f600", cuts=[0])
def test_pieces_are_the_whole(text: str, cuts: list[int]) -> None:
    """However a text is cut into pieces, within a character too, they join to what it is as one; none is empty."""
    halves = halved(text)
    ends = [0, *sorted(min(cut, len(halves)) for cut in cuts), len(halves)]

    async def pieces() -> AsyncIterator[str]:
        for start, end in pairwise(ends):
            yield halves[start:end]

    async def found() -> list[str]:
        return [piece async for piece in join_surrogates(pieces())]

    made = asyncio.run(found())
    assert "".join(made) == repair_surrogates(text)
    assert all(made)
