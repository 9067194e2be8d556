"""Reads settings from an environment, and finds misspelt variables in it."""

from __future__ import annotations

import difflib
import logging
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import ValidationError

from runtime.settings.faults import ConfigurationError, Fault, quoted
from runtime.settings.groups import Group
from runtime.settings.variables import variables

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

G = TypeVar("G", bound=Group)

_NEAR, _NEAR_OURS = 0.8, 0.5
"""Least similarity of a name (1: equal) to one of ours: with a prefix that others use too, and with our own."""
_ADVICE: Final = {
    "value_error": "{message}",
    "literal_error": "{value} is not one of {choices}",
    "bool_parsing": "{value} is neither true nor false",
    **dict.fromkeys(("int_parsing", "int_parsing_size", "int_from_float"), "{value} is not a whole number{bounds}"),
    **dict.fromkeys(("float_parsing", "finite_number"), "{value} is not a number of seconds{bounds}"),
    **dict.fromkeys(("greater_than_equal", "less_than_equal"), "{value} is not{bounds}{unit}"),
}
"""By pydantic's name of the error."""

log = logging.getLogger(__name__)


def read(group: type[G], environ: Mapping[str, str]) -> G:
    """Read a group. Raises ConfigurationError with every fault, in the order of the fields."""
    advice: dict[str, str] = {}
    for _ in range(2):  # a second time without the wrong values, to find what disagrees besides
        try:
            settings = group.model_validate(_values(group, environ, wrong=advice))
        except ValidationError as error:
            for fault in _faults_of(error, group):
                advice.setdefault(fault.variable, fault.advice)
        else:
            if not advice:
                return settings
    names = [variable.name for variable in variables(group)]
    raise ConfigurationError(*(Fault(name, advice[name]) for name in sorted(advice, key=names.index)))


def unknown_variables(group: type[Group], environ: Mapping[str, str]) -> list[Fault]:
    """List variables that nothing reads: all with a prefix of ours, near misses with one that others use too."""
    known = {variable.name for variable in variables(group)}
    own = {variable.group.prefix: variable.group.own_prefix for variable in variables(group)}
    found: list[Fault] = []
    for name in sorted(each for each in environ if each.isupper() and each not in known):
        prefix = max(filter(name.startswith, own), key=len, default="")
        ours = own.get(prefix, False)
        rests = [each.removeprefix(prefix) for each in sorted(known) if each.startswith(prefix)]
        near = difflib.get_close_matches(name.removeprefix(prefix), rests, 1, _NEAR_OURS if ours else _NEAR)
        if near or ours:
            hint = f"; did you mean {prefix}{near[0]}?" if near else ": see docs/configuration.md"
            found.append(Fault(name, f"nothing reads this variable{hint}"))
    return found


def warn_of_unknown(group: type[Group], environ: Mapping[str, str]) -> None:
    """Log unknown variables."""
    for fault in unknown_variables(group, environ):
        log.warning("variable.unknown", extra={"variable": fault.variable, "advice": fault.advice})


def _values(group: type[Group], environ: Mapping[str, str], *, wrong: Collection[str]) -> dict[str, Any]:
    """Return the text of the variables that are set, in a mapping for each group."""
    values: dict[str, Any] = {}
    for variable in variables(group):
        owner = values
        for name in variable.path[:-1]:
            owner = owner.setdefault(name, {})
        text = environ.get(variable.name, "").strip()
        # HF_TOKEN= means that there is none; where there is a default to lose it is a fault.
        is_set = variable.name in environ and (text or variable.field.default not in (None, (), {}))
        if is_set and variable.name not in wrong:
            owner[variable.path[-1]] = text
    return values


def _faults_of(error: ValidationError, group: type[Group]) -> Iterator[Fault]:
    for each in error.errors(include_url=False):
        cause = each.get("ctx", {}).get("error")
        if isinstance(cause, ConfigurationError):
            yield from cause.faults
        else:
            place = each["loc"]  # a value, or an entry in it
            variable = next(known for known in variables(group) if place[: len(known.path)] == known.path)
            yield Fault(variable.name, _advice(each, variable.field))


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
