"""Output of commands: fitted to a terminal; in a pipe plain, a record a line."""

from __future__ import annotations

import json
import math
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import IO, TYPE_CHECKING, cast

import click
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import ConsoleOptions, RenderResult

_PIPE_COLUMNS = 10_000
_LEAST_COLUMNS = 30
_BLANKS = re.compile(r" +(?=\n)")
_WORD = re.compile(r"\S+\s*")
json_option = partial(click.option, "--json", "as_json", is_flag=True)


def refuse_nan(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:  # noqa: ARG001 (click's)
    """Refuse nan, which passes every range; an option's callback."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is not a number.")
    return value


class _Trimmed:
    """Standard output without the blanks that tables leave at the ends of lines."""

    def write(self, text: str) -> int:
        return sys.stdout.write(_BLANKS.sub("", text))

    def flush(self) -> None:
        sys.stdout.flush()


def printer() -> Console:
    """Make a console for standard output."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, width=_PIPE_COLUMNS, file=cast("IO[str]", _Trimmed()))


def print_json(record: Mapping[str, object]) -> None:
    """Print a record on one line of JSON."""
    click.echo(json.dumps(record))


@dataclass(frozen=True, slots=True)
class Entry:
    """A label and a text beside it, wrapped at blanks; print with `crop=False`.

    A word that is wider than its line stays whole, so that ids and paths can be copied from a terminal.
    """

    label: Text
    text: Text
    indent: int | None = None
    """Columns before the text; two more than the label when None. Where that leaves too few, the text goes below."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        indent = self.label.cell_len + 2 if self.indent is None else self.indent
        first = self.label.copy()
        if options.max_width - indent < _LEAST_COLUMNS:
            yield _whole(first)
            first, indent = Text(), 2
        first.pad_right(indent - first.cell_len)
        for line in self._lines(options.max_width - indent):
            yield _whole(Text.assemble(first, line))
            first = Text(" " * indent)

    def _lines(self, width: int) -> Iterator[Text]:
        for paragraph in _printable(self.text).split("\n"):
            for line in paragraph.divide(_breaks(paragraph.plain, width)):
                line.rstrip()
                yield line


def _printable(text: Text) -> Text:
    """Replace what a terminal would take as a command or as another order of letters: people's words may hold any."""
    clean = text.copy()
    clean.plain = "".join(each if each.isprintable() or each == "\n" else "\ufffd" for each in text.plain)
    return clean


def _breaks(text: str, width: int) -> Iterator[int]:
    column = 0
    for word in _WORD.finditer(text):
        if column and column + cell_len(word[0].rstrip()) > width:
            yield word.start()
            column = 0
        column += cell_len(word[0])


def _whole(line: Text) -> Text:
    line.no_wrap, line.overflow = True, "ignore"
    return line


def full_time(seconds: float, timespec: str = "seconds") -> str:
    """Format seconds since the epoch as date and time, UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec=timespec)


def short_time(seconds: float) -> str:
    """Format seconds since the epoch as month-day hour:minute, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%m-%d %H:%M")


def short_wait(seconds: float) -> str:
    """Format a wait in its largest unit."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            return f"in {seconds / size:.0f} {unit}"
    return "now"
