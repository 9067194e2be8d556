"""Settings as tables for the documentation, as .env.example, and redacted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import SecretStr

from runtime.settings.variables import Variable, variables

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from runtime.settings.groups import Group


def redacted_values(settings: Group) -> list[tuple[str, str, bool]]:
    """List each variable, its value as it may be shown, and whether that is the default."""
    return [
        (each.name, written_as_variable(each.value(settings)), each.is_default(settings))
        for each in variables(type(settings))
    ]


def written_as_variable(value: object) -> str:
    """Write a value as in the environment; of a secret only that it is set."""
    match value:
        case SecretStr() | (SecretStr(), *_):
            return "(set)"
        case tuple():
            return ",".join(value)
        case Mapping():
            return ",".join(f"{name}={choice}" for name, choice in value.items())
        case bool():
            return str(value).lower()
        case _:
            return "" if value is None else str(value).removesuffix(".0" if isinstance(value, float) else "")


def reference_table(group: type[Group]) -> str:
    """Write a Markdown table for each section."""
    lines: list[str] = []
    for title, section in _sections(group):
        lines += ["", f"### {title}", "", "| variable | default | meaning |", "|---|---|---|"]
        for each in section:
            default = f"`{_default(each)}`" if _default(each) else "not set"
            lines.append(f"| `{each.name}` | {default} | {each.field.description} |")
    return "\n".join(lines).strip() + "\n"


def example_env(group: type[Group], needed: Collection[str]) -> str:
    """Write an example .env, with all variables commented out but those needed."""
    lines = [
        "# Copy to .env, which Docker Compose reads (env_file); the worker itself reads nothing but its environment.",
        "# Written from the settings by: python -m tests.write_docs",
    ]
    for title, section in _sections(group):
        lines += ["", f"# --- {title}"]
        for each in section:
            commented = "" if each.name in needed else "#"
            lines += [f"# {each.field.description}", f"{commented}{each.name}={_default(each)}"]
    return "\n".join(lines) + "\n"


def _sections(group: type[Group]) -> Iterator[tuple[str, Sequence[Variable]]]:
    """Yield the sections: a group with a title begins one, others continue it."""
    sections: dict[str, list[Variable]] = {}
    title = ""
    for each in variables(group):
        title = each.group.section or title
        sections.setdefault(title, []).append(each)
    yield from sections.items()


def _default(variable: Variable) -> str:
    return written_as_variable(variable.field.default)
