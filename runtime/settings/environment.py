"""Reads settings from an environment, and finds misspelt variables in it."""

from __future__ import annotations

import difflib
import logging
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import ValidationError

from runtime.settings.faults import ConfigurationError, Fault, quoted
from runtime.settings.groups import Group, environment, text_of
from runtime.settings.variables import inner_groups, variables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from runtime.settings.variables import Variable

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
"""Messages by pydantic's name of the error."""

log = logging.getLogger(__name__)


def read(group: type[G], environ: Mapping[str, str]) -> G:
    """Read a group. Raises ConfigurationError with every fault, in the order of the fields."""
    advice: dict[str, str] = {}
    for _ in range(2):  # a second time without the wrong values, to find what disagrees besides
        faults: list[Fault] = []
        with environment({name: text for name, text in environ.items() if name not in advice}):
            settings = _read(group, faults)
        for fault in faults:
            advice.setdefault(fault.variable, fault.advice)
        if settings is not None and not advice:
            return settings
    names = [variable.name for variable in variables(group)]
    raise ConfigurationError(*(Fault(name, advice[name]) for name in sorted(advice, key=names.index)))


def _read(group: type[G], faults: list[Fault]) -> G | None:
    """Read the groups inside a group, and then itself; note what is wrong, and go on."""
    inner: dict[str, Any] = {name: _read(kind, faults) for name, kind in inner_groups(group)}
    try:
        return group(**{name: settings for name, settings in inner.items() if settings is not None})
    except ValidationError as error:
        faults += _faults_of(error, group)
    return None


def unknown_variables(group: type[Group], environ: Mapping[str, str]) -> list[Fault]:
    """List variables that nothing reads: all with a prefix of ours, near misses with one that others use too."""
    known = {variable.name for variable in variables(group)}
    own = {variable.prefix: variable.group.own_prefix for variable in variables(group)}
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


def _faults_of(error: ValidationError, group: type[Group]) -> Iterator[Fault]:
    for each in error.errors(include_url=False):
        if each["type"] == "missing":  # a group inside, whose own faults are noted
            continue
        cause = each.get("ctx", {}).get("error")
        if isinstance(cause, ConfigurationError):
            yield from cause.faults
        else:
            place = each["loc"]  # a value, or an entry in it
            variable = next(known for known in variables(group) if place[: len(known.path)] == known.path)
            yield Fault(variable.name, _advice(each, variable))


def _advice(error: ErrorDetails, variable: Variable) -> str:
    context, field, value = error.get("ctx", {}), variable.field, str(error["input"])
    written = text_of(variable.name)  # which has the operator's own upper and lower case
    return _ADVICE.get(error["type"], "is wrong: {message}").format(
        value=quoted(written if written.casefold() == value.casefold() else value),
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
