"""Faults of the environment, worded for the operator who has to correct them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from runtime.settings.variables import Variable, variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ValidationError
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from runtime.settings.groups import Group

T = TypeVar("T")

_MOST_QUOTED = 40
"""Characters of a value that a fault repeats, at most."""


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
    known = {variable.path: variable for variable in variables(group)}
    for each in error.errors(include_url=False):
        cause = each.get("ctx", {}).get("error")
        path = tuple(str(step) for step in each["loc"])
        if isinstance(cause, ConfigurationError):
            yield from cause.faults
        elif (variable := _nearest(known, path)) is not None:
            yield Fault(variable.name, _advice(each, variable.field))
        else:
            yield Fault(".".join(path), each["msg"])


def quoted(text: str) -> str:
    """Shorten a value for a fault; replace it where it may hold a credential."""
    if "@" in text or "://" in text:
        return "the value"
    return text if len(text) <= _MOST_QUOTED else f"{text[:_MOST_QUOTED]}…"


def _nearest(known: dict[tuple[str, ...], Variable], path: tuple[str, ...]) -> Variable | None:
    """Find the variable of an error, which may be in one of its entries."""
    return next((known[path[:end]] for end in range(len(path), 0, -1) if path[:end] in known), None)


def _advice(error: ErrorDetails, field: FieldInfo) -> str:
    value = quoted(str(error["input"]))
    match error["type"]:
        case "value_error":
            advice = str(error["ctx"]["error"])
        case "literal_error":
            choices = re.findall(r"'([^']+)'", error["ctx"]["expected"])
            advice = f"{value} is not one of {', '.join(choices)}"
        case "bool_parsing":
            advice = f"{value} is neither true nor false"
        case "int_parsing" | "int_parsing_size" | "int_from_float":
            advice = f"{value} is not a whole number{_bounds(field)}"
        case "float_parsing" | "finite_number":
            advice = f"{value} is not a number of seconds{_bounds(field)}"
        case "greater_than_equal" | "less_than_equal":
            advice = f"{value} is not{_bounds(field)}{' seconds' if field.annotation is float else ''}"
        case _:
            advice = f"is wrong: {error['msg']}"
    return advice


def _bounds(field: FieldInfo) -> str:
    least, most = (
        next((f"{getattr(each, side):.15g}" for each in field.metadata if hasattr(each, side)), None)
        for side in ("ge", "le")
    )
    if least is not None and most is not None:
        return f" between {least} and {most}"
    return f" {least} or more" if least is not None else f" {most} or less" if most is not None else ""
