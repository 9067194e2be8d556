"""Faults of the environment, worded for the operator who corrects them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from runtime.settings.variables import variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ValidationError
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from runtime.settings.groups import Group

T = TypeVar("T")

_MOST_QUOTED = 40
"""Characters of a value that a fault repeats, at most."""
_ADVICE: Final = {
    "value_error": "{message}",
    "literal_error": "{value} is not one of {choices}",
    "bool_parsing": "{value} is neither true nor false",
    **dict.fromkeys(("int_parsing", "int_parsing_size", "int_from_float"), "{value} is not a whole number{bounds}"),
    **dict.fromkeys(("float_parsing", "finite_number"), "{value} is not a number of seconds{bounds}"),
    **dict.fromkeys(("greater_than_equal", "less_than_equal"), "{value} is not{bounds}{unit}"),
}
"""By pydantic's name of the error."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One variable to correct."""

    variable: str
    advice: str
    """What is wrong and what to write instead; never a secret."""

    def __str__(self) -> str:
        return f"{self.variable}: {self.advice}"


class ConfigurationError(ValueError):
    """Variables that cannot be used, a line for each; validators raise it where settings disagree."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def required(value: T | None, variable: str) -> T:
    """Return an optional value. Raises ConfigurationError if it is not set."""
    if value is None:
        raise ConfigurationError(Fault(variable, "is needed"))
    return value


def faults_of(error: ValidationError, group: type[Group]) -> Iterator[Fault]:
    """Translate pydantic's errors: their place into a variable, their type into advice."""
    for each in error.errors(include_url=False):
        cause = each.get("ctx", {}).get("error")
        if isinstance(cause, ConfigurationError):
            yield from cause.faults
        else:
            place = each["loc"]  # a value, or an entry in it
            variable = next(known for known in variables(group) if place[: len(known.path)] == known.path)
            yield Fault(variable.name, _advice(each, variable.field))


def quoted(text: str) -> str:
    """Shorten a value for a fault; replace it where it may hold a credential."""
    if "@" in text or "://" in text:
        return "the value"
    return text if len(text) <= _MOST_QUOTED else f"{text[:_MOST_QUOTED]}…"


def _advice(error: ErrorDetails, field: FieldInfo) -> str:
    context = error.get("ctx", {})
    return _ADVICE.get(error["type"], "is wrong: {message}").format(
        value=quoted(str(error["input"])),
        message=context.get("error", error["msg"]),
        choices=", ".join(re.findall(r"'([^']+)'", str(context.get("expected")))),
        bounds=_bounds(field),
        unit=" seconds" if field.annotation is float else "",
    )


def _bounds(field: FieldInfo) -> str:
    bounds = {side: getattr(each, side) for each in field.metadata for side in ("ge", "le") if hasattr(each, side)}
    match {side: f"{bound:.15g}" for side, bound in bounds.items()}:
        case {"ge": least, "le": most}:
            return f" between {least} and {most}"
        case {"ge": least}:
            return f" {least} or more"
        case {"le": most}:
            return f" {most} or less"
        case _:
            return ""
