"""The folders: their names, what each module says of itself, and the imports that pyproject.toml refuses."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.paths import ROOT

PACKAGES = ("audio", "runtime", "providers", "storage", "conversation", "consumer", "console", "sandbox")
DRAWERS = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "base", "lib"}
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def test_names_say_what_is_inside() -> None:
    """No module and no folder is a drawer, nor shadows a module of the standard library at the top level."""
    assert not set(PACKAGES) & sys.stdlib_module_names
    for path in MODULES:
        parts = {path.stem, *path.relative_to(ROOT).parent.parts}
        assert not parts & DRAWERS, f"{path.relative_to(ROOT)} is a drawer"


def test_every_module_says_what_it_is_for() -> None:
    """Each module opens with a docstring that is a sentence."""
    for path in MODULES:
        docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))
        assert docstring, path
        assert docstring.splitlines()[0].endswith((".", ":", "?")), path


def test_no_class_name_stands_twice() -> None:
    """A class's name means one thing in the whole tree."""
    places: dict[str, list[Path]] = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(path.relative_to(ROOT))
    assert not {name: found for name, found in places.items() if len(found) > 1}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages and their contracts."""
    folder = tmp_path_factory.mktemp("house")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "*.m4a"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def _lint(tree: Path) -> subprocess.CompletedProcess[str]:
    command = (str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tree)}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 (our own)


SIDEWAYS = {
    "conversation/budget.py": "from consumer.memo.states import Memo",
    "storage/people.py": "from providers.errors import ProviderError",
    "providers/languages.py": "import storage.errors",
    "sandbox/wire.py": "import runtime.backoff",
    "consumer/memo/states.py": "import consumer.pipeline",
    "consumer/stages/fetch.py": "import aiokafka",
    "consumer/handling/handler.py": "import prometheus_client",
    "storage/sqlite/database.py": "import storage.sqlite.store",  # a circle
}


@pytest.mark.parametrize("module", SIDEWAYS)
@pytest.mark.parametrize("for_types", [False, True], ids=["used", "for types"])
def test_a_sideways_import_is_refused(tree: Path, module: str, for_types: bool) -> None:  # noqa: FBT001 (a row of a table)
    """An import against the arrows, or in a circle, breaks a contract, for types alone too."""
    path = tree / module
    source = path.read_text("utf-8")
    line = SIDEWAYS[module]
    added = f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {line}\n" if for_types else f"{line}\n"
    path.write_text(f"{source}\n{added}", "utf-8")
    try:
        ended = _lint(tree)
    finally:
        path.write_text(source, "utf-8")
    assert (ended.returncode, "BROKEN" in ended.stdout) == (1, True), ended.stdout + ended.stderr


def test_a_door_may_not_import_another(tree: Path) -> None:
    """live/, once it is there, and consumer/ are strangers."""
    live = tree / "live"
    live.mkdir()
    (live / "__init__.py").write_text('"""A second door."""\nimport consumer.pipeline\n', "utf-8")
    project = tree / "pyproject.toml"
    before = project.read_text("utf-8")
    project.write_text(before.replace('root_packages = ["audio"', 'root_packages = ["live", "audio"'), "utf-8")
    try:
        ended = _lint(tree)
    finally:
        shutil.rmtree(live)
        project.write_text(before, "utf-8")
    assert (ended.returncode, "live is not allowed to import consumer" in ended.stdout) == (1, True), ended.stdout


def test_the_tree_keeps_its_contracts(tree: Path) -> None:
    """As it is, no contract is broken: what the tests above see is what they added."""
    ended = _lint(tree)
    assert ended.returncode == 0, ended.stdout + ended.stderr
