"""The rows of the outage matrix."""

from __future__ import annotations

from tests.acceptance.matrix import pairs_in, rows_of
from tests.acceptance.troubles import ROWS


def test_every_pair_is_there() -> None:
    """Each trouble of each upstream meets each trouble of each other one."""
    seen = {pair for row in ROWS for pair in pairs_in(row)}
    for one in ROWS[0]:
        for other in ROWS[0]:
            if one < other:
                met = {(a[1], b[1]) for a, b in seen if (a[0], b[0]) == (one, other)}
                wanted = len({row[one] for row in ROWS}) * len({row[other] for row in ROWS})
                assert len(met) == wanted, (one, other)


def test_rows_are_the_same_each_time() -> None:
    """A row that fails today is the same row tomorrow."""
    levels = {"a": "xyz", "b": "xyz", "c": "xyz", "d": "xy"}
    assert rows_of(levels) == rows_of(levels)
    assert 9 <= len(rows_of(levels)) <= 14
