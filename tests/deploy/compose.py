"""Reads our Compose files as the engine does: interpolation, merging with an override, and what each service gets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from tests.harness.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BASE, OUTSIDE = ROOT / "docker-compose.yml", ROOT / "deploy" / "compose.outside.yml"
WORKER = "worker"

_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?:(:?[-?])([^}]*))?\}|(\w+))")


class Missing(Exception):
    """A variable that must be there is not; the text is what the engine would say."""


class Reset:
    """In the place of what an override takes away: `!reset`."""


class Override:
    """What takes the place of something, without being merged with it: `!override`."""

    def __init__(self, value: Any) -> None:  # noqa: ANN401 (YAML)
        self.value = value


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # PyYAML ships no types
    """YAML, with the two tags that Compose adds."""


_Loader.add_constructor("!reset", lambda *_: Reset())
_Loader.add_constructor("!override", lambda loader, node: Override(_constructed(loader, node)))


def read(path: Path) -> dict[str, Any]:
    """Read one file as it stands."""
    found: dict[str, Any] = yaml.load(path.read_text("utf-8"), Loader=_Loader)  # noqa: S506 (a safe loader)
    return found


def services(variables: Mapping[str, str], *paths: Path) -> dict[str, dict[str, Any]]:
    """Give the services of these files, the later over the earlier, all variables filled in. Raises Missing."""
    merged: Any = {}
    for path in paths or (BASE,):
        merged = _merged(merged, filled(read(path), variables))
    found: dict[str, dict[str, Any]] = merged["services"]
    return found


def filled(value: Any, variables: Mapping[str, str]) -> Any:  # noqa: ANN401 (YAML)
    """Fill variables in, all the way down; keys stay as they are. Raises Missing."""
    match value:
        case dict():
            return {key: filled(inner, variables) for key, inner in value.items()}
        case list():
            return [filled(inner, variables) for inner in value]
        case Override():
            return Override(filled(value.value, variables))
        case str():
            return _VARIABLE.sub(lambda match: _value(match, variables), value)
    return value


def environment(service: Mapping[str, Any], env_file: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of a service of ours: what .env says, and over it what the service says itself."""
    own = {name: str(value) for name, value in service.get("environment", {}).items()}
    return {**(env_file if service.get("env_file") else {}), **own}


def dotenv(text: str) -> dict[str, str]:
    """Read a .env file: of a name that comes twice, the later line."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def seconds(duration: str) -> float:
    """Read a duration such as 70s or 1m30s."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
    parts = re.findall(r"([0-9.]+)(ms|h|m|s)", duration)
    assert "".join(map("".join, parts)) == duration, f"{duration} is no duration"
    return sum(float(number) * units[unit] for number, unit in parts)


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    dollar, braced, operator, word, bare = match.groups()
    if dollar:
        return "$"
    value = variables.get(braced or bare)
    absent = not value if (operator or "").startswith(":") else value is None
    if absent and operator and operator.endswith("?"):
        raise Missing(f"{braced}: {word}")
    if absent and operator:
        return str(word)
    return value or ""


def _merged(below: Any, above: Any) -> Any:  # noqa: ANN401 (YAML)
    """Merge as the specification says: mappings by key, lists one after the other, anything else replaced."""
    match below, above:
        case _, Override():
            return above.value
        case dict(), dict():
            kept = {key: value for key, value in below.items() if not isinstance(above.get(key), Reset)}
            added = {key: value for key, value in above.items() if not isinstance(value, Reset)}
            return {**kept, **{key: _merged(kept.get(key), value) for key, value in added.items()}}
        case list(), list():
            return [*below, *above]
        case None, dict():
            return {key: _merged(None, value) for key, value in above.items() if not isinstance(value, Reset)}
    return above


def _constructed(loader: yaml.SafeLoader, node: yaml.Node) -> Any:  # noqa: ANN401 (YAML)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)
