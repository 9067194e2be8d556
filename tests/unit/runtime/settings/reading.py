"""Reading settings that cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runtime.settings.environment import read
from runtime.settings.faults import ConfigurationError
from runtime.settings.variables import variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime.settings.groups import Group


def faults(group: type[Group], environ: Mapping[str, str]) -> dict[str, str]:
    """Read what has faults; return the advice by variable."""
    with pytest.raises(ConfigurationError) as caught:
        read(group, environ)
    return {fault.variable: fault.advice for fault in caught.value.faults}


def one_fault(group: type[Group], variable: str, text: str) -> str:
    """Read one wrong value; return the advice about it, which is the only one."""
    told = faults(group, {variable: text})
    assert list(told) == [variable]
    assert len(told[variable]) < 200
    return told[variable]


def values(settings: Group) -> dict[str, object]:
    """Return every value by its variable, whether it was set or not."""
    return {each.name: each.value(settings) for each in variables(type(settings))}
