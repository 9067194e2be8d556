"""Environment variables behind the fields of a group."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from pydantic import SecretStr

from runtime.settings.groups import Group

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable and the field that it sets."""

    path: tuple[str, ...]
    """Attributes that lead from the outermost group to the value."""
    group: type[Group]
    """The group that has the field."""
    field: FieldInfo

    @property
    def name(self) -> str:
        """Name in the environment."""
        return f"{self.prefix}{self.path[-1]}".upper()

    @property
    def prefix(self) -> str:
        """What the names of its group's variables begin with."""
        return self.group.model_config.get("env_prefix") or ""

    def value(self, settings: Group) -> object:
        """Return the variable's value in the outermost group's settings."""
        return reduce(getattr, self.path, settings)

    def is_default(self, settings: Group) -> bool:
        """Return whether the variable was not set."""
        *groups, name = self.path
        owner: Group = reduce(getattr, groups, settings)
        return name not in owner.model_fields_set


def variables(group: type[Group], path: tuple[str, ...] = ()) -> Iterator[Variable]:
    """Yield the variables of a group and of the groups inside it, in the order of their fields."""
    for name, field in group.model_fields.items():
        if (inner := inner_group(field)) is not None:
            yield from variables(inner, (*path, name))
        else:
            yield Variable((*path, name), group, field)


def inner_group(field: FieldInfo) -> type[Group] | None:
    """Return the group that a field holds; None if it holds a value."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Group) else None


def secrets_of(settings: Group) -> frozenset[str]:
    """Return every secret that is set, for the logs to redact."""
    values = (each.value(settings) for each in variables(type(settings)))
    flat = (each for value in values for each in (value if isinstance(value, tuple) else (value,)))
    return frozenset(each.get_secret_value() for each in flat if isinstance(each, SecretStr))
