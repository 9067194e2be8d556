"""What a benchmark found: tables for people, and the same as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Cell = str | float | int


@dataclass(frozen=True, slots=True)
class Verdict:
    """A figure and its required bound."""

    what: str
    value: float
    limit: float
    at_least: bool = False
    """Whether the limit is the least that is asked; else it is the most."""
    excuse: str | None = None
    """Why it is not judged; None where it is."""

    @property
    def met(self) -> bool:
        """Whether it is as it should be."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def line(self) -> str:
        """Say it in a line."""
        word = f"not judged: {self.excuse}" if self.excuse else "met" if self.met else "MISSED"
        relation = "≥" if self.at_least else "≤"
        return f"{self.what}: {_told(self.value)} ({relation} {_told(self.limit)} asked) {word}"


@dataclass(slots=True)
class Section:
    """What one benchmark found."""

    name: str
    title: str
    columns: Sequence[str] = ()
    rows: list[Sequence[Cell]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Write it for people."""
        yield self.title
        cells = [list(map(str, self.columns)), *([_told(cell) for cell in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)] if self.columns else []
        for row in cells if self.columns else []:
            first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            yield "  ".join(["", first.strip().ljust(widths[0]), *others])
        for note in self.notes:
            yield f"  {note}"
        for verdict in self.verdicts:
            yield f"  {verdict.line}"

    def as_json(self) -> dict[str, object]:
        """Write it for programs."""
        return {
            "name": self.name,
            "title": self.title,
            "rows": [dict(zip(self.columns, row, strict=True)) for row in self.rows],
            "notes": self.notes,
            "verdicts": [
                {
                    "what": verdict.what,
                    "value": verdict.value,
                    "limit": verdict.limit,
                    "at_least": verdict.at_least,
                    "met": verdict.met,
                    "excuse": verdict.excuse,
                }
                for verdict in self.verdicts
            ],
        }


def quantile(values: Sequence[float], share: float) -> float:
    """Give the smallest of the values that so large a share of them does not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _told(cell: Cell) -> str:
    return (
        cell
        if isinstance(cell, str)
        else f"{cell:,}"
        if isinstance(cell, int)
        else f"{cell:.3g}"
        if abs(cell) < 1
        else f"{cell:,.2f}"
    )
