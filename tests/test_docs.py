from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.harness.paths import ROOT
from tests.write_docs import BEGIN, END, MarkersMissing, between_markers, pages

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("path", pages())
def test_generated_documentation_is_what_the_code_says(path: str) -> None:
    """Names, defaults and meanings are those of the code; `python -m tests.write_docs` renews them."""
    text = (ROOT / path).read_text("utf-8")
    assert text == pages()[path](text)


def test_what_is_written_by_hand_stays() -> None:
    """Only what stands between the markers is renewed."""
    page = f"# Title\n\n{BEGIN}\nold\n{END}\n\nby hand\n"
    assert between_markers(page, "new\n") == f"# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\nby hand\n"


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_page_without_its_markers_is_refused(page: str) -> None:
    """A page is never overwritten by guesswork."""
    with pytest.raises(MarkersMissing):
        between_markers(page, "new")


PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))
CODE = re.compile(r"`(?P<path>[\w./-]+\.(?:py|sql|json|txt))(?:::(?P<test>[\w:]+)(?:\[[^\]`]*\])?)?`")
OTHERS = re.compile(r"\| (?:LiveKit Agents|Pipecat) |\| \*\*(?:LiveKit|Pipecat)\*\* \|")  # paths in other repositories
LINK = re.compile(r"\]\((?!https?:|#|mailto:)(?P<target>[^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_names_is_there(page: Path) -> None:
    """Every path, test and link exists; a path without a folder may be an example's."""
    missing = []
    for line in page.read_text("utf-8").splitlines():
        missing += [link["target"] for link in LINK.finditer(line) if not (page.parent / link["target"]).exists()]
        if not OTHERS.match(line):
            missing += [named[0] for named in CODE.finditer(line) if "/" in named["path"] and not _exists(named)]
    assert missing == []


def _exists(named: re.Match[str]) -> bool:
    path = ROOT / named["path"]
    return path.is_file() and (named["test"] is None or set(named["test"].split("::")) <= _tests(path))


@cache
def _tests(path: Path) -> set[str]:
    """Return the names that a file defines, and those of the modules it imports: suites are inherited."""
    imported = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ImportFrom))
    modules = {node.module for node in imported if node.module and node.module.startswith("tests.")}
    suites = [ROOT / f"{module.replace('.', '/')}.py" for module in modules]
    return _defined(path).union(*(_defined(suite) for suite in suites if suite.is_file()))


def _defined(path: Path) -> set[str]:
    names = {"runTest"}  # of a state machine
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names
