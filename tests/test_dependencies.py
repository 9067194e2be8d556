"""What pyproject.toml asks for is what is imported: no more, and nothing that merely comes along with another."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import defaultdict
from importlib.metadata import packages_distributions
from typing import TYPE_CHECKING, Any

from tests.harness.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

OURS = ("audio", "runtime", "providers", "storage", "conversation", "consumer", "console", "sandbox")
EXTRAS = {"sandbox/broker.py": "demo", "runtime/otlp.py": "otel"}
"""What may import what an extra brings: that file, or what is in that folder."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
DISTRIBUTIONS = packages_distributions()


def _normal(requirement: str) -> str:
    """Give a requirement's name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


def _declared(extra: str | None) -> set[str]:
    found = PROJECT["dependencies"] if extra is None else PROJECT["optional-dependencies"][extra]
    return {_normal(each) for each in found}


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """Give what is run: all but what only type checkers read."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from _run(child)


def _imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in _run(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found - {*sys.stdlib_module_names, *OURS}


def _users() -> Mapping[str | None, Mapping[str, set[str]]]:
    """Give for each extra, and for all without one: package → the files that import it."""
    users: dict[str | None, Any] = defaultdict(lambda: defaultdict(set))
    for path in (path for package in OURS for path in (ROOT / package).rglob("*.py")):
        where = path.relative_to(ROOT).as_posix()
        extra = next((extra for place, extra in EXTRAS.items() if where.startswith(place)), None)
        for package in _imported(path):
            brought = extra if {_normal(each) for each in DISTRIBUTIONS[package]} & _declared(extra) else None
            users[brought][package].add(where)
    return users


def test_what_is_imported_is_declared() -> None:
    """Each package that we import is in a distribution that we ask for ourselves, by name."""
    for extra, packages in _users().items():
        for package, files in packages.items():
            found = {_normal(each) for each in DISTRIBUTIONS[package]}
            assert found & _declared(extra), f"{package} ({found}) is not declared; {sorted(files)} import it"


def test_what_is_declared_is_imported() -> None:
    """Each distribution that we ask for is imported by us."""
    for extra, packages in _users().items():
        found = {_normal(each) for package in packages for each in DISTRIBUTIONS[package]}
        assert not _declared(extra) - found


def test_each_has_a_lower_bound() -> None:
    """No requirement is content with whatever release there is."""
    extras = [each for extra in PROJECT["optional-dependencies"].values() for each in extra]
    assert all(">=" in each for each in (*PROJECT["dependencies"], *extras))
