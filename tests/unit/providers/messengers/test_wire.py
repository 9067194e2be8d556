"""What all messengers' wires share: a body given piece by piece, and when a message was sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.messengers.wire import OutgoingMessage, checked_pieces, sent_since

_PIECE_BYTES = 64 * 1024
NOON = datetime(2025, 11, 2, 12, tzinfo=UTC)


class Lost(Exception):
    """The memo is another's now."""


class Lease:
    """Ours for so many looks at it."""

    def __init__(self, looks: int) -> None:
        self.looks_left = looks

    def check(self) -> None:
        """Look. Raises Lost."""
        if not self.looks_left:
            raise Lost
        self.looks_left -= 1


@given(st.integers(1, 4 * _PIECE_BYTES))
async def test_pieces(size: int) -> None:
    """The pieces are the body, none is long, and before each the lease is looked at."""
    body, lease = bytes(range(251)) * (size // 251 + 1), Lease(99)
    pieces = [piece async for piece in checked_pieces(body[:size], lease.check)]
    assert b"".join(pieces) == body[:size]
    assert max(map(len, pieces)) <= _PIECE_BYTES
    assert lease.looks_left == 99 - len(pieces)


async def test_a_memo_that_is_lost() -> None:
    """Nothing more is given once the memo is another's."""
    pieces = checked_pieces(bytes(4 * _PIECE_BYTES), Lease(2).check)
    assert [len(await anext(pieces)) for _ in range(2)] == [_PIECE_BYTES] * 2
    with pytest.raises(Lost):
        await anext(pieces)


def test_the_body_is_not_shown() -> None:
    """The repr of a message shows nothing of what it carries (I6)."""
    assert "secret words" not in repr(OutgoingMessage("/somewhere", b"secret words", Lease(1).check))


@pytest.mark.parametrize("name", ["sent_at", "created_at"])
def test_sent_since(name: str) -> None:
    """A message was sent since a moment if its time, by either name, is that or a later one."""
    message = {name: NOON.isoformat()}
    assert sent_since(message, NOON.timestamp())
    assert not sent_since(message, (NOON + timedelta(seconds=1)).timestamp())


def test_the_time_of_sending_comes_first() -> None:
    """What says when it was sent is not judged by when it was made, unless what it says is no time."""
    made = NOON + timedelta(hours=1)
    moment = (NOON + timedelta(minutes=1)).timestamp()
    assert not sent_since({"sent_at": NOON.isoformat(), "created_at": made.isoformat()}, moment)
    assert sent_since({"sent_at": None, "created_at": made.isoformat()}, moment)


@pytest.mark.parametrize("message", [{}, {"sent_at": "yesterday"}, {"sent_at": None, "created_at": 7}])
def test_no_time(message: dict[str, object]) -> None:
    """A message that does not say when it was sent was not."""
    assert not sent_since(message, 0.0)
