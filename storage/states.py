"""States of a memo, in order."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Progress of a memo; from ANSWERED on it is settled."""

    RECEIVED = "received"
    KEPT = "kept"
    HEARD = "heard"
    ANSWERED_TEXT = "answered-text"
    SPOKEN = "spoken"
    SENDING = "sending"
    ANSWERED = "answered"
    APOLOGISED = "apologised"
    IGNORED = "ignored"
    FAILED = "failed"
    DEAD = "dead"

    @property
    def settled(self) -> bool:
        """Whether workers are done with it."""
        return self in _SETTLED

    @property
    def for_a_person(self) -> bool:
        """Whether an operator should look at it."""
        return self in _FOR_A_PERSON


_SETTLED = frozenset({State.ANSWERED, State.APOLOGISED, State.IGNORED, State.FAILED, State.DEAD})
_FOR_A_PERSON = frozenset({State.FAILED, State.DEAD})
_ORDER = tuple(State)


def later(one: State, other: State) -> State:
    """Return the further state."""
    return max(one, other, key=_ORDER.index)


def refuse_to_go_back(reached: State, state: State) -> None:
    """Raise ValueError when `state` is before `reached`: a caller's bug."""
    if _ORDER.index(state) < _ORDER.index(reached):
        raise ValueError(f"a memo does not go back from {reached} to {state}")
