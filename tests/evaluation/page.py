"""docs/quality.md: each evaluation keeps its own part between two markers; what stands around them is by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.evaluation.report import markdown

if TYPE_CHECKING:
    from tests.evaluation.report import Section

PAGE: Final = Path(__file__).parent.parent.parent / "docs" / "quality.md"
SECTIONS: Final = ("language", "silence", "hallucinations", "voices")


class PartMissing(Exception):
    """The page does not have a part's two markers, in order."""


def part(page: str, name: str) -> str:
    """Give what a page says between the markers of a part. Raises PartMissing."""
    begin, end = _markers(name)
    _, begun, rest = page.partition(begin)
    said, ended, _ = rest.partition(end)
    if not begun or not ended:
        raise PartMissing(f"the page needs, in this order: {begin} {end}")
    return said.strip("\n") + "\n"


def renewed(page: str, name: str, said: str) -> str:
    """Give a page with one part said anew. Raises PartMissing."""
    part(page, name)
    begin, end = _markers(name)
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n\n{said}\n{end}{rest.partition(end)[2]}"


def write(section: Section) -> None:
    """Renew a section's part of the page."""
    PAGE.write_text(renewed(PAGE.read_text("utf-8"), section.name, markdown(section)), "utf-8")


def _markers(name: str) -> tuple[str, str]:
    return f"<!-- {name}: written by `make quality ARGS=--write` -->", f"<!-- end of {name} -->"
