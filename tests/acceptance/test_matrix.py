"""The rows of the outage matrix."""

from __future__ import annotations

from tests.acceptance.matrix import pairs_in, rows_of
from tests.acceptance.troubles import WELL, any_rows, heard_rows


def test_every_pair_is_there() -> None:
    """Each trouble of each upstream meets each trouble of each other one."""
    rows = any_rows()
    seen = {pair for row in rows for pair in pairs_in(row)}
    for one in rows[0]:
        for other in rows[0]:
            if one < other:
                met = {(a[1], b[1]) for a, b in seen if (a[0], b[0]) == (one, other)}
                wanted = len({row[one] for row in rows}) * len({row[other] for row in rows})
                assert len(met) == wanted, (one, other)


def test_rows_are_the_same_each_time() -> None:
    """A row that fails today is the same row tomorrow."""
    levels = {"a": "xyz", "b": "xyz", "c": "xyz", "d": "xy"}
    assert rows_of(levels) == rows_of(levels)
    assert 9 <= len(rows_of(levels)) <= 14


def test_every_pair_is_met_where_it_is_heard() -> None:
    """Each pair of troubles of transcriber, model and voice is in a row where the words are heard, too."""
    heard = heard_rows()
    assert all(row["media"] == WELL and WELL in {row["whisper"], row["second ears"]} for row in heard)
    names = [name for name in heard[0] if name not in {"media", "whisper", "second ears", "history"}]
    for one in (*names, "whisper", "second ears"):
        for other in names:
            if one != other:
                assert len({(row[one], row[other]) for row in heard}) == 11 * 11, (one, other)
