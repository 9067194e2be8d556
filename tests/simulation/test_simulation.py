"""Exactly one reply, in order, committed and kept, whatever dies: thousands of seeds of a simulated storm (I1 to I10).

More by a flag: `python -m tests.simulation.seeds FIRST LAST`. A seed that fails is played again by its number.
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.mutations import MUTATIONS
from tests.simulation.seeds import first_caught, play_many

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "10000"))
ENOUGH_TO_CATCH = 3000
"""Seeds within which each broken rule shows."""
SHOWN_BY = {"no_last_look": 2486, "claims_ignored": 1290, "settled_before_kept": 345, "taken_while_letting_go": 1155}
"""Of those that few seeds show, one that did when it was last looked for: it is played first, before all the others."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_seed_breaks_a_rule() -> None:
    """Whatever crashes, stops, is lost or comes twice, each memo has one reply, in order, kept and committed."""
    assert play_many(range(SEEDS)) == []


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_the_simulation_has_teeth(mutation: str) -> None:
    """A rule that is deliberately broken is noticed."""
    first = SHOWN_BY.get(mutation, 0)
    assert first_caught(mutation, [first, *range(ENOUGH_TO_CATCH)]) is not None
