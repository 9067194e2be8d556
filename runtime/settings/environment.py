"""Settings read from an environment, and variables in it that were probably misspelt."""

from __future__ import annotations

import difflib
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource

from runtime.settings.faults import ConfigurationError, Fault, faults_of
from runtime.settings.groups import Group
from runtime.settings.variables import inner_group, variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

G = TypeVar("G", bound=Group)

_NEAR, _NEAR_OURS = 0.8, 0.5
"""Least similarity of a name (1: equal) to one of ours: with a prefix that others use too, and with our own."""

log = logging.getLogger(__name__)


def read(group: type[G], environ: Mapping[str, str]) -> G:
    """Read a group. Raises ConfigurationError with every fault, in the order of the fields."""
    given = _Environment(group, {name.lower(): text.strip() for name, text in environ.items() if name.isupper()})()
    settings, advice = _validated(group, given)
    if settings is not None:
        return settings
    for variable in variables(group):
        if variable.name in advice:
            _remove(given, variable.path)
    # What is right by itself may still disagree: that is worth knowing in the same round.
    _, more = _validated(group, given)
    places = {variable.name: place for place, variable in enumerate(variables(group))}
    found = sorted((more | advice).items(), key=lambda each: places.get(each[0], len(places)))
    raise ConfigurationError(*(Fault(*each) for each in found))


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


class _Environment(EnvSettingsSource):
    """A group's variables in a mapping; an inner group's are a mapping of their own."""

    def __init__(self, group: type[Group], variables: Mapping[str, str | None]) -> None:
        super().__init__(group)
        self.env_vars = variables

    def prepare_field_value(self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool) -> Any:  # noqa: ANN401, FBT001 (the signature is pydantic's)
        if (inner := inner_group(field)) is not None:
            return _Environment(inner, self.env_vars)()
        # A line such as HF_TOKEN= means that there is none; where there is a default to lose it is a fault.
        if value == "" and field.get_default(call_default_factory=True) in (None, (), {}):
            return None
        return super().prepare_field_value(field_name, field, value, value_is_complex)


def _validated(group: type[G], given: Mapping[str, Any]) -> tuple[G | None, dict[str, str]]:
    try:
        return group.model_validate(given), {}
    except ValidationError as error:
        faults = list(faults_of(error, group))
    return None, {fault.variable: fault.advice for fault in reversed(faults)}


def _remove(given: dict[str, Any], path: tuple[str, ...]) -> None:
    for name in path[:-1]:
        given = given[name]
    given.pop(path[-1], None)
