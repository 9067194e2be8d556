"""What several workers are given, and what their figures say."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from aiokafka.partitioner import DefaultPartitioner

from tests.benchmarks.scale import PARTITIONS, Run, chats_of, table

ONE = Run(
    workers=1,
    at_once=4,
    memos=48,
    seconds=50,
    waited=[4.0] * 45 + [4.5] * 3,
    shares=[48],
    cpu_seconds=5,
    busy_seconds=20,
    disordered=0,
    troubles=[],
)


@pytest.mark.parametrize("each", [1, 7])
def test_chats_are_spread_evenly(each: int) -> None:
    """Each partition has as many chats, none twice, and the first dozen has one of each."""
    chats = chats_of("c", each)
    everywhere = list(range(PARTITIONS))
    places = [DefaultPartitioner()(chat.encode(), everywhere, everywhere) for chat in chats]
    assert Counter(places) == dict.fromkeys(everywhere, each)
    assert len(set(chats)) == len(chats)
    assert set(places[:PARTITIONS]) == set(everywhere)


def test_more_workers_are_judged_by_one() -> None:
    """Twice the memos in the same time is met, what is well below is missed, and the last run is not judged by that."""
    two, three = replace(ONE, workers=2, memos=96), replace(ONE, workers=3, memos=120)
    section = table([ONE, two, three, replace(three, at_once=32)], pair_seconds=0.05, pairs_per_second=20)
    ratios = {verdict.what: (verdict.value, verdict.met) for verdict in section.verdicts if "÷ one" in verdict.what}
    assert ratios == {"2 workers ÷ one": (2, True), "3 workers ÷ one": (2.5, False)}
    assert [row[0] for row in section.rows][-1] == "3 workers, 32 at once each"
    assert section.rows[0][1:6] == (48, 0.96, 1, 4.0, 4.5)


def test_what_goes_wrong_is_missed() -> None:
    """A reply out of order, or a trouble in a worker's log, is no success, however quick it was."""
    for wrong in (replace(ONE, disordered=1), replace(ONE, troubles=[("stage.failed", 2)])):
        section = table([wrong, replace(ONE, at_once=32)], pair_seconds=0.05, pairs_per_second=20)
        assert [verdict.met for verdict in section.verdicts] == [False, True]


def test_full_cores_are_an_excuse() -> None:
    """Where the codecs alone fill the cores, more workers cannot do more, and are not judged."""
    section = table([ONE, replace(ONE, workers=2), ONE], pair_seconds=10, pairs_per_second=0.1)
    (verdict,) = (each for each in section.verdicts if "÷ one" in each.what)
    assert not verdict.met
    assert verdict.excuse
