"""Environment variables behind the fields of a group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from pydantic import SecretStr

from runtime.settings.groups import Group, group_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable and its field."""

    path: tuple[str, ...]
    """Attributes from the outermost group to the value."""
    group: type[Group]
    field: FieldInfo

    @property
    def name(self) -> str:
        """The variable itself."""
        return f"{self.prefix}{self.path[-1]}".upper()

    @property
    def prefix(self) -> str:
        """How the names of its group's variables begin."""
        return self.group.model_config.get("env_prefix") or ""

    def value(self, settings: Group) -> object:
        """Return its value in the outermost group."""
        return reduce(getattr, self.path, settings)

    def is_default(self, settings: Group) -> bool:
        """Return whether it was not set."""
        owner: Group = reduce(getattr, self.path[:-1], settings)
        return self.path[-1] not in owner.model_fields_set


def variables(group: type[Group], path: tuple[str, ...] = ()) -> Iterator[Variable]:
    """Yield the variables of a group and of those inside it, in order."""
    inner = dict(inner_groups(group))
    for name, field in group.model_fields.items():
        if name in inner:
            yield from variables(inner[name], (*path, name))
        else:
            yield Variable((*path, name), group, field)


def inner_groups(group: type[Group]) -> Iterator[tuple[str, type[Group]]]:
    """Yield the groups inside a group, by the name of their field."""
    for name, field in group.model_fields.items():
        if (inner := group_of(field)) is not None:
            yield name, inner


def secrets_of(settings: Group) -> frozenset[str]:
    """Return every secret, for the logs to redact."""
    values = (each.value(settings) for each in variables(type(settings)))
    flat = (each for value in values for each in (value if isinstance(value, tuple) else (value,)))
    return frozenset(each.get_secret_value() for each in flat if isinstance(each, SecretStr))


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
