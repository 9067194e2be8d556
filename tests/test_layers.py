"""The arrows of the architecture: who may import whom."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "audio": set(),
    "runtime": set(),
    "providers": {"audio", "runtime"},
    "storage": {"audio", "runtime"},
    "consumer": {"audio", "runtime", "providers", "storage"},
    "console": {"audio", "runtime", "providers", "storage", "consumer", "sandbox"},
    "sandbox": {"audio"},
    "fixtures": {"audio"},
}
DRAWERS = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "base", "lib"}


def _modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def _imported(path: Path) -> set[str]:
    """The top-level packages that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            assert node.level == 0, f"{path} imports relatively"
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_arrows_point_one_way(package: str) -> None:
    """A package imports of ours only what lies below it, in type-checking blocks too."""
    for path in _modules(package):
        crossing = (_imported(path) & MAY_IMPORT.keys()) - MAY_IMPORT[package] - {package}
        assert not crossing, f"{path.relative_to(ROOT)} imports {crossing}"


def test_only_the_kafka_adapter_knows_aiokafka() -> None:
    """The Kafka client stays behind its ports: the source, the publisher, and how both connect."""
    users = [path.name for package in MAY_IMPORT for path in _modules(package) if "aiokafka" in _imported(path)]
    assert set(users) == {"connection.py", "kafka.py", "publisher.py"}


def test_only_the_worker_side_knows_prometheus_and_structlog() -> None:
    """Telemetry are listeners: the flow itself imports no metrics and no log library."""
    listeners = {"metrics.py", "logs.py", "redaction.py"}
    for path in _modules("consumer"):
        if path.name not in listeners:
            assert not _imported(path) & {"prometheus_client", "structlog"}, path.name


def test_only_traces_know_opentelemetry() -> None:
    """What traces are made with is imported where they are made, and there not by what is always imported."""
    users = {
        path.relative_to(ROOT) for each in MAY_IMPORT for path in _modules(each) if "opentelemetry" in _imported(path)
    }
    assert users == {Path("consumer/traces") / f"{name}.py" for name in ("export", "ids", "sending", "spans")}


def test_names_say_what_is_inside() -> None:
    """No module and no folder is a drawer, nor shadows a module of the standard library at the top level."""
    for package in MAY_IMPORT:
        assert package not in sys.stdlib_module_names
        for path in _modules(package):
            parts = {path.stem, *path.relative_to(ROOT).parent.parts}
            assert not parts & DRAWERS, f"{path.relative_to(ROOT)} is a drawer"


def test_every_module_says_what_it_is_for() -> None:
    """Each module opens with a docstring that is a sentence."""
    for package in MAY_IMPORT:
        for path in _modules(package):
            said = ast.get_docstring(ast.parse(path.read_text("utf-8")))
            assert said, path
            assert said.splitlines()[0].endswith((".", ":", "?")), path
