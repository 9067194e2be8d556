"""Reads settings from an environment, and finds misspelt variables in it."""

from __future__ import annotations

import difflib
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from runtime.settings.faults import ConfigurationError, Fault, faults_of
from runtime.settings.groups import Group
from runtime.settings.variables import variables

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

G = TypeVar("G", bound=Group)

_NEAR, _NEAR_OURS = 0.8, 0.5
"""Least similarity of a name (1: equal) to one of ours: with a prefix that others use too, and with our own."""

log = logging.getLogger(__name__)


def read(group: type[G], environ: Mapping[str, str]) -> G:
    """Read a group. Raises ConfigurationError with every fault, in the order of the fields."""
    advice: dict[str, str] = {}
    for _ in range(2):  # a second time without the wrong values, to find what disagrees besides
        try:
            settings = group.model_validate(_values(group, environ, wrong=advice))
        except ValidationError as error:
            for fault in faults_of(error, group):
                advice.setdefault(fault.variable, fault.advice)
        else:
            if not advice:
                return settings
    names = (variable.name for variable in variables(group))
    raise ConfigurationError(*(Fault(name, advice[name]) for name in names if name in advice))


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
    """Return the text of each variable that is set, in a mapping for each group."""
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
