from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from storage.errors import Fenced, StoreUnavailable
from storage.supabase.calls import IdempotencyKeys

CALL = ("claim", "memo", "owner")


def _made(calls: IdempotencyKeys, error: BaseException | None = None, call: tuple[str, ...] = CALL) -> str:
    """Make a call that ends so; give its name."""
    names = []
    with suppress(StoreUnavailable, Fenced, KeyError, asyncio.CancelledError), calls.key(call) as name:
        names.append(name)
        if error is not None:
            raise error
    return names[0]


@pytest.mark.parametrize("lost", [StoreUnavailable("x"), asyncio.CancelledError()])
def test_call_whose_answer_was_lost_keeps_its_name(lost: BaseException) -> None:
    """Made again it has the same name, for as long as its answers are lost, and then a new one."""
    calls = IdempotencyKeys()
    name = _made(calls, lost)
    assert _made(calls, lost) == name
    assert _made(calls) == name
    assert _made(calls) != name


@pytest.mark.parametrize("answer", [None, Fenced("x"), KeyError("x")])
def test_answered_call_is_done_with(answer: Exception | None) -> None:
    """An answer is an answer, a refusal too."""
    calls = IdempotencyKeys()
    assert _made(calls, answer) != _made(calls, answer)


def test_two_calls_never_share_a_name() -> None:
    """Of two that are made at once, one has the name of the call that was lost; and another call has another name."""
    calls = IdempotencyKeys()
    lost = _made(calls, StoreUnavailable("x"))
    assert _made(calls, call=("claim", "another", "owner")) != lost
    with calls.key(CALL) as one, calls.key(CALL) as other:
        assert (one, other != lost) == (lost, True)


def test_only_so_many_are_remembered() -> None:
    """The oldest lost calls are forgotten first."""
    calls = IdempotencyKeys()
    names = [_made(calls, StoreUnavailable("x"), ("claim", str(number))) for number in range(300)]
    assert _made(calls, call=("claim", "299")) == names[299]
    assert _made(calls, call=("claim", "0")) != names[0]
