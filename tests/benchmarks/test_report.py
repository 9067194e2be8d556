"""Tables, verdicts and quantiles."""

from __future__ import annotations

import math

import pytest

from consumer.telemetry.metrics import Metrics
from tests.benchmarks.report import Section, Verdict, quantile
from tests.benchmarks.stalls import Stalls, sum_of


def test_a_quantile_is_one_of_the_values() -> None:
    """The nearest rank is given: the median of an even number is the lower one, and one value is all of them."""
    assert [quantile([4, 1, 3, 2], share) for share in (0.5, 0.75, 0.95, 0)] == [2, 3, 4, 1]
    assert quantile([7], 0.99) == 7


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict("ratio", 1.15, 1.15), "ratio: 1.15 (≤ 1.15 asked) met"),
        (Verdict("ratio", 1.2, 1.15), "ratio: 1.20 (≤ 1.15 asked) MISSED"),
        (Verdict("speed", 0.79, 0.8, at_least=True), "speed: 0.79 (≥ 0.8 asked) MISSED"),
        (Verdict("ratio", 3.0, 1.25, excuse="no cores"), "ratio: 3.00 (≤ 1.25 asked) not judged: no cores"),
    ],
)
def test_a_verdict_says_what_was_asked(verdict: Verdict, words: str) -> None:
    """A limit that is reached is met; what is excused is neither met nor missed."""
    assert verdict.line == words


def test_a_section_is_a_table_and_json() -> None:
    """Columns are as wide as their longest cell, and JSON has a record per row."""
    section = Section("s", "title", ("", "p50"), [("ours", 1.5), ("theirs", 1234)], ["a note"])
    assert list(section.lines()) == ["title", "            p50", "  ours     1.50", "  theirs  1,234", "  a note"]
    assert section.as_json()["rows"] == [{"": "ours", "p50": 1.5}, {"": "theirs", "p50": 1234}]


def test_stalls_are_read_from_what_a_worker_exports() -> None:
    """A quantile is the bound of the bucket that it lies in, of what came after an earlier reading."""
    metrics = Metrics(in_flight=lambda: 3)
    metrics.loop_stalled(9.0)
    before = Stalls.read(metrics.exposition().decode())
    for seconds in (*[0.0004] * 98, 0.03, 0.2):
        metrics.loop_stalled(seconds)
    told = metrics.exposition().decode()
    stalls = Stalls.read(told).since(before)
    assert [stalls.quantile(share) for share in (0.5, 0.99, 1)] == [0.001, 0.03, 0.25]
    assert (before.quantile(1), Stalls({}).quantile(1)) == (10, math.inf)
    assert sum_of(told, "voicememo_in_flight") == 3
