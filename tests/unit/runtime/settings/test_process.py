"""Settings of what every process has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runtime.settings.environment import read
from runtime.settings.process import LogSettings, VitalsSettings
from tests.unit.runtime.settings.reading import one_fault, values

if TYPE_CHECKING:
    from runtime.settings.groups import Group


@pytest.mark.parametrize(
    ("group", "variable", "text", "advice"),
    [
        (VitalsSettings, "VITALS_PORT", "65536", "65536 is not between 0 and 65535"),
        (LogSettings, "LOG_LEVEL", "verbose", "is not one of DEBUG"),
        (LogSettings, "LOG_FORMAT", "xml", "xml is not one of auto, human, json"),
    ],
)
def test_a_wrong_value_comes_with_what_to_write(group: type[Group], variable: str, text: str, advice: str) -> None:
    """Each wrong value is one fault, of its own variable, that says what is the matter."""
    assert advice in one_fault(group, variable, text)


@pytest.mark.parametrize(
    ("group", "variable", "text", "value"),
    [(VitalsSettings, "VITALS_HOST", "::", "::"), (LogSettings, "LOG_LEVEL", "debug", "DEBUG")],
)
def test_a_value_is_parsed_once_and_for_all(group: type[Group], variable: str, text: str, value: object) -> None:
    """An address of IPv6 is a host, and choices may be written in any case."""
    assert values(read(group, {variable: text}))[variable] == value
