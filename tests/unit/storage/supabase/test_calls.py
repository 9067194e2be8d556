from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from storage.errors import Fenced, StoreUnavailable
from storage.supabase.calls import IdempotencyKeys

CALL = ("claim", "memo", "owner")


def _made(calls: IdempotencyKeys, error: BaseException | None = None, call: tuple[str, ...] = CALL) -> str:
    """Make a call that ends so; return its key."""
    names = []
    with suppress(StoreUnavailable, Fenced, KeyError, asyncio.CancelledError), calls.key(call) as name:
        names.append(name)
        if error is not None:
            raise error
    return names[0]


@pytest.mark.parametrize("lost", [StoreUnavailable("x"), asyncio.CancelledError()])
def test_call_whose_answer_was_lost_keeps_its_name(lost: BaseException) -> None:
    """A repeated call keeps its key while its answers are lost."""
    calls = IdempotencyKeys()
    name = _made(calls, lost)
    assert _made(calls, lost) == name
    assert _made(calls) == name
    assert _made(calls) != name


@pytest.mark.parametrize("answer", [None, Fenced("x"), KeyError("x")])
def test_answered_call_is_done_with(answer: Exception | None) -> None:
    """A refusal is an answer too."""
    calls = IdempotencyKeys()
    assert _made(calls, answer) != _made(calls, answer)


def test_two_calls_never_share_a_name() -> None:
    """Of two concurrent calls one has the lost call's key; another call has another."""
    calls = IdempotencyKeys()
    lost = _made(calls, StoreUnavailable("x"))
    assert _made(calls, call=("claim", "another", "owner")) != lost
    with calls.key(CALL) as one, calls.key(CALL) as other:
        assert (one, other != lost) == (lost, True)


def test_only_so_many_are_remembered() -> None:
    """The oldest lost calls are dropped first."""
    calls = IdempotencyKeys()
    names = [_made(calls, StoreUnavailable("x"), ("claim", str(number))) for number in range(300)]
    assert _made(calls, call=("claim", "299")) == names[299]
    assert _made(calls, call=("claim", "0")) != names[0]
