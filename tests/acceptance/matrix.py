"""Rows of trouble in which every pair occurs: each fault of each upstream with each fault of each other one.

A covering array of strength two, made row by row: each row is filled with what covers the most pairs that are still
missing, and the same rows come out each time.
"""

from __future__ import annotations

import itertools
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Row = Mapping[str, str]
    Pair = tuple[tuple[str, str], tuple[str, str]]

_TRIES = 12


def rows_of(levels: Mapping[str, Sequence[str]], *, seed: int = 1) -> list[Row]:
    """Give rows, a level for each column, so that each pair of levels of two columns is in at least one."""
    random = Random(seed)  # noqa: S311 (no secret)
    missing = _pairs(levels)
    rows: list[Row] = []
    while missing:
        ordered = sorted(missing)
        tried = [_row(levels, random.choice(ordered), missing, random) for _ in range(_TRIES)]
        best = max(tried, key=lambda row: len(missing & pairs_in(row)))
        missing -= pairs_in(best)
        rows.append(best)
    return rows


def pairs_in(row: Row) -> set[Pair]:
    """Give the pairs of a row."""
    return set(itertools.combinations(sorted(row.items()), 2))


def _pairs(levels: Mapping[str, Sequence[str]]) -> set[Pair]:
    return {
        ((one, a), (other, b))
        for one, other in itertools.combinations(sorted(levels), 2)
        for a in levels[one]
        for b in levels[other]
    }


def _row(levels: Mapping[str, Sequence[str]], pair: Pair, missing: set[Pair], random: Random) -> Row:
    """Begin with a pair that is missing, and fill the other columns, in any order, with what covers the most."""
    row = dict(pair)
    columns = [column for column in levels if column not in row]
    random.shuffle(columns)
    for column in columns:
        row[column] = max(
            random.sample(levels[column], len(levels[column])),
            key=lambda level: sum(tuple(sorted([(column, level), cell])) in missing for cell in row.items()),
        )
    return row
