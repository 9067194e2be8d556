"""History of every store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversation.replying.behaviour import behaviour
from storage.history import PastTurn
from storage.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    from storage.factory import Store
    from storage.history import History

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def _turn(role: str, text: str, *, ago_seconds: float = 0, language: str = "en") -> PastTurn:
    return PastTurn(role, text, language, NOW - timedelta(seconds=ago_seconds))  # type: ignore[arg-type] # a literal


@pytest.fixture
def history(store: Store) -> History:
    """The history of each store."""
    return store.history


async def test_turns_come_back_in_order(history: History) -> None:
    """The last turns come back oldest first and unchanged, chat by chat."""
    for number in range(4):
        turns = [_turn("user", f"q{number} ह😀"), _turn("assistant", f"a{number}")]
        await history.append("c1", f"m{number}", turns)
    await history.append("c2", "m0", [_turn("user", "elsewhere")])
    assert [turn.text for turn in await history.recent("c1", limit=3)] == ["a2", "q3 ह😀", "a3"]
    assert (await history.recent("c1", limit=1))[0] == _turn("assistant", "a3")
    assert await history.recent("c3", limit=9) == []


async def test_appending_again_changes_nothing(history: History) -> None:
    """The turns of a memo are added once."""
    for text in ("first", "second"):
        await history.append("c", "m", [_turn("user", text)])
    assert [turn.text for turn in await history.recent("c", limit=9)] == ["first"]


async def test_order_is_the_stores_own(history: History) -> None:
    """Turns are in the order of writing, whatever their times."""
    await history.append("c", "m1", [_turn("user", "first", ago_seconds=0)])
    await history.append("c", "m2", [_turn("user", "second", ago_seconds=3600)])
    assert [turn.text for turn in await history.recent("c", limit=9)] == ["first", "second"]


async def test_history_outlives_its_process(tmp_path: Path) -> None:
    """Turns survive reopening the file."""
    for expected in ([], ["kept"]):
        store = SqliteStore(tmp_path / "h.db")
        await store.open()
        assert [turn.text for turn in await store.history.recent("c", limit=9)] == expected
        await store.history.append("c", "m", [_turn("user", "kept")])
        await store.close()


def test_behaviour_of_a_stranger() -> None:
    """A chat without turns is empty."""
    assert behaviour([_turn("assistant", "hi")], NOW).silence_seconds is None


def test_behaviour_of_somebody_in_a_hurry() -> None:
    """Silence and pace count their own turns; languages come most recent first."""
    turns = [
        _turn("user", "a", ago_seconds=400, language="fr"),
        _turn("user", "b", ago_seconds=50, language="en"),
        _turn("user", "c", ago_seconds=20, language="fr"),
        _turn("assistant", "d", ago_seconds=5, language="de"),
    ]
    seen = behaviour(turns, NOW)
    assert (seen.silence_seconds, seen.recent_messages, seen.languages) == (20, 2, ("fr", "en"))


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.integers(-1000, 100_000))))
def test_behaviour_is_total(turns: list[tuple[str, int]]) -> None:
    """Behaviour is never negative, even for turns from the future."""
    seen = behaviour([_turn(role, "x", ago_seconds=ago) for role, ago in turns], NOW)
    assert seen.silence_seconds is None or seen.silence_seconds >= 0
    assert 0 <= seen.recent_messages <= len(turns)
