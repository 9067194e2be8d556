from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from console.printing import Entry, short_time, short_wait

ID = "c0ffee00-1111-2222-3333-444455556666"


def _printed(entry: Entry, width: int) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(entry, crop=False)
    return out.getvalue().splitlines()


def test_text_is_wrapped_beside_its_label() -> None:
    """Lines break at blanks, begin under the text's beginning, and have no blanks at their ends."""
    entry = Entry(Text("heard"), Text("please call me back when you have time, will you"), 8)
    assert _printed(entry, 40) == ["heard   please call me back when you", "        have time, will you"]


@pytest.mark.parametrize("character", ["\x1b", "\x9b", "\u202e", "\u2028"])
def test_nothing_commands_the_terminal(character: str) -> None:
    """What a person said, and what a vendor answered, is shown as text alone (I6)."""
    (line,) = _printed(Entry(Text("heard"), Text(f"a{character}[2Jb"), 8), 40)
    assert line == "heard   a\ufffd[2Jb"


def test_a_word_is_never_cut() -> None:
    """An id that is wider than its line stays whole, so that it can be copied; so do lines of a text that has some."""
    assert _printed(Entry(Text("kept"), Text(f"a {ID}.wav b\n{ID}.m4a"), 6), 36) == [
        "kept  a",
        f"      {ID}.wav",
        "      b",
        f"      {ID}.m4a",
    ]


def test_a_long_label_stands_above() -> None:
    """Where the label leaves no room, the text goes below it; in the width of a pipe it does not."""
    entry = Entry(Text(ID), Text("answered"))
    assert _printed(entry, 60) == [ID, "  answered"]
    assert _printed(entry, 10_000) == [f"{ID}  answered"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "now"), (0.5, "now"), (42, "in 42 s"), (150, "in 2 min"), (7200, "in 2 h"), (9e5, "in 10 d")],
)
def test_a_wait_is_short(seconds: float, text: str) -> None:
    """A wait has its largest unit; one that is over is now."""
    assert short_wait(seconds) == text


def test_a_time_is_short() -> None:
    """A time has no year and no seconds."""
    assert short_time(1_795_248_957) == "11-21 08:15"
