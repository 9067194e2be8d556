"""A stream is judged by its first useful piece and by each that follows."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from providers.errors import Stalled, TimedOut
from providers.wire.streams import guard_stalls, has_sound, has_words
from tests.harness.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


class Speaker:
    """Gives pieces, each after a pause in seconds."""

    def __init__(self, *said: tuple[float, str]) -> None:
        self.said = said
        self.closed = False

    async def stream(self) -> AsyncGenerator[str]:
        """Speak."""
        try:
            for pause, piece in self.said:
                await asyncio.sleep(pause)
                yield piece
        finally:
            self.closed = True


async def heard(speaker: Speaker, *, reader_seconds: float = 0.0) -> list[str]:
    """Read it all, as a reader who takes a while over each piece."""
    pieces = []
    async with aclosing(guard_stalls(speaker.stream(), service="x", seconds=4, useful=has_words)) as stream:
        async for piece in stream:
            pieces.append(piece)
            await asyncio.sleep(reader_seconds)
    return pieces


@in_virtual_time
async def test_slow_but_useful() -> None:
    """A stream may take for ever, as long as something useful comes in time; the reader's own time does not count."""
    speaker = Speaker(*[(3.9, "word")] * 20)
    assert await heard(speaker, reader_seconds=9) == ["word"] * 20
    assert speaker.closed


@pytest.mark.parametrize(
    "said",
    [
        [(5, "late")],
        [(1, "word"), (5, "late")],
        [(1, " ")] * 9,
        [(1, "word"), *[(1, "")] * 9],
        [(3, "\n"), (3, "late")],
    ],
)
def test_nothing_useful(said: list[tuple[float, str]]) -> None:
    """Nothing for too long, at first or later, or nothing but blanks, is a failure; the stream is closed."""

    @in_virtual_time
    async def main() -> None:
        speaker = Speaker(*said)
        with pytest.raises(Stalled) as failure:
            await heard(speaker)
        assert isinstance(failure.value, TimedOut)
        assert failure.value.reason == "stalled"
        assert speaker.closed
        assert asyncio.get_running_loop().time() <= 5

    main()


@in_virtual_time
async def test_bugs_pass_through() -> None:
    """A TimeoutError that is not ours, like any other error, passes through."""

    async def broken() -> AsyncGenerator[str]:
        yield "word"
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        async for _ in guard_stalls(broken(), service="x", seconds=4, useful=has_words):
            pass


def test_what_is_useful() -> None:
    """Blanks are no words, digital silence is no sound."""
    assert [has_words(piece) for piece in ("", " \n", "a ", "。")] == [False, False, True, True]
    assert [has_sound(piece) for piece in (b"", bytes(64), b"\0\1")] == [False, False, True]
