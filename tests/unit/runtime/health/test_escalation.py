from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.health.escalation import DumpStacks, End, Escalation, Reading, Rebuild

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runtime.health.escalation import Action

STALE, STALL = 60.0, 30.0


class Worker:
    """A worker as the rule sees it, second by second."""

    def __init__(self) -> None:
        self.rule = Escalation(stale_after_seconds=STALE, loop_stall_seconds=STALL)
        self.now = self.polled_at = self.answered_at = 0.0
        self.told: list[tuple[float, Action]] = []
        """What was to be done, and when."""

    def live(
        self, seconds: float, *, polls: bool = True, answers: bool = True, phase: str = "polling", step: float = 1.0
    ) -> Worker:
        """Pass some seconds, with a reading at the end of each step."""
        for _ in range(round(seconds / step)):
            self.now += step
            self.answered_at = self.now if answers else self.answered_at
            self.polled_at = self.now if polls and answers else self.polled_at
            action = self.rule.judge(self.now, Reading(self.now - self.polled_at, self.now - self.answered_at, phase))
            if action is not None:
                self.told.append((self.now, action))
        return self

    @property
    def deeds(self) -> list[tuple[float, str]]:
        """When, and what in a word."""
        return [(at, type(verdict).__name__) for at, verdict in self.told]


@pytest.mark.parametrize(
    ("lives", "deeds"),
    [
        ([{"seconds": 7200}], []),
        ([{"seconds": 10}, {"seconds": 59, "polls": False}, {"seconds": 10}], []),
        ([{"seconds": 10}, {"seconds": 119, "polls": False}], [(70, "Rebuild")]),
        ([{"seconds": 10}, {"seconds": 120, "polls": False}], [(70, "Rebuild"), (130, "End")]),
        ([{"seconds": 100, "polls": False}, {"seconds": 50}, {"seconds": 59, "polls": False}], [(61, "Rebuild")]),
        (
            [{"seconds": 100, "polls": False}, {"seconds": 50}, {"seconds": 120, "polls": False}],
            [(61, "Rebuild"), (210, "DumpStacks"), (270, "End")],
        ),
        (
            [{"seconds": 100, "polls": False}, {"seconds": 3541}, {"seconds": 60, "polls": False}],
            [(61, "Rebuild"), (3701, "Rebuild")],
        ),
        (
            [
                *({"seconds": 100, "polls": False}, {"seconds": 1800}, {"seconds": 30, "answers": False}),
                *({"seconds": 3530}, {"seconds": 60, "polls": False}),
            ],
            [(61, "Rebuild"), (1930, "DumpStacks"), (5520, "DumpStacks")],
        ),
        ([{"seconds": 10}, {"seconds": 29, "answers": False}, {"seconds": 10}], []),
        ([{"seconds": 10}, {"seconds": 59, "answers": False}, {"seconds": 10}], [(40, "DumpStacks")]),
        ([{"seconds": 10}, {"seconds": 60, "answers": False}], [(40, "DumpStacks"), (70, "End")]),
        (
            [{"seconds": 10}, {"seconds": 40, "answers": False}, {"seconds": 1}, {"seconds": 40, "answers": False}],
            [(40, "DumpStacks"), (81, "DumpStacks")],
        ),
        ([{"seconds": 10}, {"seconds": 900, "polls": False, "phase": "draining"}], []),
        ([{"seconds": 10}, {"seconds": 900, "polls": False, "phase": "stopped"}], []),
        (
            [{"seconds": 10}, {"seconds": 60, "answers": False, "phase": "draining"}],
            [(40, "DumpStacks"), (70, "End")],
        ),
        ([{"seconds": 10}, {"seconds": 600, "polls": False, "answers": False, "step": 600}, {"seconds": 9}], []),
    ],
    ids=[
        *("all is well", "a pause", "a rebuild helps or not yet", "a rebuild does not help", "polls come back"),
        *(
            "no second rebuild",
            "another after an hour",
            "an hour cut short",
            "a hiccup",
            "a stall",
            "a blocked loop",
            "two stalls",
        ),
        *("draining", "stopped", "blocked while draining", "the machine slept"),
    ],
)
def test_the_rule_by_table(lives: list[dict[str, Any]], deeds: list[tuple[float, str]]) -> None:
    """Each life of a worker leads to these deeds at these seconds."""
    worker = Worker()
    for life in lives:
        worker.live(**life)
    assert worker.deeds == deeds


def test_verdicts_say_why() -> None:
    """The reason names what is missing, for how long, and the phase."""
    silent = Worker().live(1).live(120, polls=False, phase="joining").told
    assert [verdict for _, verdict in silent] == [
        Rebuild("no poll for 60 s while joining"),
        End("no poll for 120 s while joining"),
    ]
    blocked = Worker().live(1).live(60, answers=False, phase="draining").told
    assert [verdict for _, verdict in blocked] == [
        DumpStacks("loop blocked for 30 s while draining"),
        End("loop blocked for 60 s while draining"),
    ]


def test_a_blocked_loop_costs_no_rebuild() -> None:
    """Polls that a blocked loop held back are not missed: they get their patience when it answers again."""
    worker = Worker().live(10).live(20, polls=False).live(55, answers=False).live(20, polls=False).live(10)
    assert worker.deeds == [(60, "DumpStacks")]


def test_a_loop_blocked_again_and_again_without_polls_comes_to_an_end() -> None:
    """The patience with a blocked loop is used up in the end, however the blocks are cut."""
    worker = Worker()
    for _ in range(1000):
        worker.live(40, answers=False).live(2, polls=False)
    assert "End" in {deed for _, deed in worker.deeds}


LIVES = st.lists(
    st.fixed_dictionaries(
        {
            "seconds": st.integers(1, 90),
            "polls": st.booleans(),
            "answers": st.booleans(),
            "phase": st.sampled_from(["starting", "joining", "polling", "draining"]),
            "step": st.sampled_from([1.0, 0.5, 7.0, 100.0]),
        }
    ),
    max_size=60,
)


def lived(lives: Iterable[dict[str, Any]]) -> Worker:
    """A worker after these lives."""
    worker = Worker()
    for life in lives:
        worker.live(**life)
    return worker


@given(LIVES)
def test_rebuilds_are_rare(lives: list[dict[str, Any]]) -> None:
    """Between two rebuilds lies at least an hour."""
    rebuilt = [at for at, deed in lived(lives).deeds if deed == "Rebuild"]
    assert all(later - earlier >= 3600 for earlier, later in pairwise(rebuilt))


@given(LIVES)
def test_an_end_is_never_the_first_word(lives: list[dict[str, Any]]) -> None:
    """Stacks or a rebuild come before an end, and the silence that it names is twice the patience at least."""
    deeds = lived(lives).told
    first_end = next((place for place, (_, verdict) in enumerate(deeds) if isinstance(verdict, End)), None)
    if first_end is None:
        return
    assert first_end > 0
    verdict = deeds[first_end][1]
    assert isinstance(verdict, End)
    words = verdict.reason.split()
    of_the_loop = words[:2] == ["loop", "blocked"]
    assert float(words[3]) >= 2 * (STALL if of_the_loop else STALE)
    assert of_the_loop or words[-1] != "draining"


@given(st.lists(st.tuples(st.integers(0, 59), st.integers(0, 29), st.integers(1, 59))))
def test_whoever_is_in_time_is_left_alone(pauses: list[tuple[int, int, int]]) -> None:
    """No pause within the patience is ever acted on, whatever came before."""
    worker = Worker()
    for silent, blocked, well in pauses:
        worker.live(silent, polls=False).live(well).live(blocked, answers=False).live(well)
    assert worker.deeds == []


@given(LIVES, st.booleans(), st.sampled_from([0.5, 1.0, 5.0]))
def test_a_dead_worker_is_ended(lives: list[dict[str, Any]], answers: bool, step: float) -> None:  # noqa: FBT001 (drawn)
    """Whatever came before, a worker that is dead from now on is ended in twice the patience."""
    worker = lived(lives)
    worker.live(1)
    dead_at = worker.now
    worker.live(200, polls=False, answers=answers, step=step)
    ended = next(at for at, deed in worker.deeds if deed == "End" and at > dead_at)
    assert ended - dead_at <= 2 * (STALE if answers else STALL) + 2 * step
