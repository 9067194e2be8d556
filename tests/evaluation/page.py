"""Parts of docs/quality.md: each evaluation writes its own, between two markers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.evaluation.report import markdown
from tests.harness.paths import ROOT

if TYPE_CHECKING:
    from tests.evaluation.report import Section

PAGE: Final = ROOT / "docs" / "quality.md"
SECTIONS: Final = ("language", "silence", "hallucinations", "voices")


class PartMissing(Exception):
    """A page without both markers of a part, in order."""


def part(page: str, name: str) -> str:
    """Return the text between the markers of a part. Raises PartMissing."""
    begin, end = _markers(name)
    _, begun, rest = page.partition(begin)
    said, ended, _ = rest.partition(end)
    if not begun or not ended:
        raise PartMissing(f"the page needs, in this order: {begin} {end}")
    return said.strip("\n") + "\n"


def renewed(page: str, name: str, said: str) -> str:
    """Return a page with one part replaced. Raises PartMissing."""
    part(page, name)
    begin, end = _markers(name)
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n\n{said}\n{end}{rest.partition(end)[2]}"


def write(section: Section) -> None:
    """Renew a section's part of the page."""
    PAGE.write_text(renewed(PAGE.read_text("utf-8"), section.name, markdown(section)), "utf-8")


def _markers(name: str) -> tuple[str, str]:
    return f"<!-- {name}: written by `make quality ARGS=--write` -->", f"<!-- end of {name} -->"
