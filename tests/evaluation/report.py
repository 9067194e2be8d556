"""Reports of evaluations: on a terminal, in a pipe, and as a part of docs/quality.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import RenderableType


@dataclass(frozen=True, slots=True)
class Line:
    """A figure: how many of how many, and the promised minimum."""

    what: str
    got: int
    total: int
    least_percent: float | None = None
    """None without a promise."""

    @property
    def percent(self) -> float:
        """Percent."""
        return 100.0 * self.got / self.total if self.total else 100.0

    @property
    def kept(self) -> bool:
        """Whether the promise holds."""
        return self.least_percent is None or self.percent >= self.least_percent

    def cells(self) -> tuple[str, str, str, str]:
        """Return its label, count, share and promise."""
        promised = "" if self.least_percent is None else f"at least {self.least_percent:.0f} %"
        return self.what, f"{self.got} of {self.total}", f"{self.percent:.1f} %", promised


@dataclass(frozen=True, slots=True)
class Rows:
    """A table of words and numbers."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One evaluation."""

    name: str
    """For --only, and for the markers of docs/quality.md."""
    title: str
    lines: tuple[Line, ...]
    tables: tuple[Rows, ...] = ()
    failed: tuple[str, ...] = ()
    """Failures, case by case."""

    @property
    def kept(self) -> bool:
        """Whether all promises hold."""
        return all(line.kept for line in self.lines)


def shown(section: Section) -> RenderableType:
    """Format a section for the terminal."""
    figures = Table(box=None, show_header=False, pad_edge=False)
    for line in section.lines:
        what, count, share, promised = line.cells()
        style = "" if line.least_percent is None else "green" if line.kept else "bold red"
        mark = "" if line.least_percent is None else "✓" if line.kept else "✗ below"
        figures.add_row(
            what, Text(count, justify="right"), Text(share, style), Text(promised, "dim"), Text(mark, style)
        )
    parts: list[RenderableType] = [Text(section.title, "bold"), Padding(figures, (0, 0, 0, 2))]
    for rows in section.tables:
        parts += [Text(f"\n  {rows.title}", "cyan"), Padding(_table(rows), (0, 0, 0, 2))]
    if section.failed:
        parts.append(Text("\n  what fails", "cyan"))
        parts += [Text(f"    {each}", "dim") for each in section.failed]
    return Group(*parts, Text(""))


def _table(rows: Rows) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for place, column in enumerate(rows.head):
        table.add_column(column, justify="right" if place else "left")
    for row in rows.rows:
        table.add_row(*row)
    return table


def markdown(section: Section) -> str:
    """Format a section as Markdown, without its title."""
    return "\n\n".join(_blocks(section)) + "\n"


def _blocks(section: Section) -> Iterator[str]:
    yield _markdown_table(("", "right", "share", "promised"), [line.cells() for line in section.lines])
    for rows in section.tables:
        yield f"{rows.title}:"
        yield _markdown_table(rows.head, rows.rows)
    if section.failed:
        yield "What fails:"
        yield "\n".join(f"- {each}" for each in section.failed)


def _markdown_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))
