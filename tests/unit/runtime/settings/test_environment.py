"""Settings read from an environment: every fault at once, normal pydantic constraints, misspelt names."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Literal

import pytest
from pydantic import Field, SecretStr

from runtime.settings.environment import read, unknown_variables, warn_of_unknown
from runtime.settings.faults import ConfigurationError, Fault, required
from runtime.settings.groups import Group
from runtime.settings.kinds import Upper
from runtime.settings.variables import secrets_of, variables
from tests.unit.runtime.settings.reading import faults, one_fault

if TYPE_CHECKING:
    from collections.abc import Iterator


class Oven(Group, env_prefix="OVEN_", own_prefix=True):
    """A group inside another, whose prefix is its own."""

    heat: int = Field(180, ge=50, le=250)
    minutes: float = Field(20.0, ge=1)
    mode: Literal["fan", "grill"] = "fan"
    name: str = Field("oven", min_length=3)
    code: SecretStr | None = None

    def conflicts(self) -> Iterator[Fault]:
        """Yield a fault where a grill would be too cold."""
        if self.mode == "grill" and self.heat < 200:
            yield Fault("OVEN_HEAT", "must be 200 or more with OVEN_MODE=grill")


class Kitchen(Group, env_prefix="HOME_"):
    """A group with a group, whose prefix others use too."""

    oven: Oven
    people: int = Field(2, le=8)


def test_groups_are_read_inside_groups() -> None:
    """Each field is found by its group's prefix and its own name, in capitals."""
    assert [each.name for each in variables(Kitchen)] == [
        *("OVEN_HEAT", "OVEN_MINUTES", "OVEN_MODE", "OVEN_NAME", "OVEN_CODE", "HOME_PEOPLE")
    ]
    kitchen = read(Kitchen, {"OVEN_HEAT": " 200 ", "HOME_PEOPLE": "3", "oven_mode": "grill", "OVEN": "{}"})
    assert (kitchen.oven.heat, kitchen.oven.mode, kitchen.people) == (200, "fan", 3)
    assert [each.name for each in variables(Kitchen) if not each.is_default(kitchen)] == ["OVEN_HEAT", "HOME_PEOPLE"]


def test_a_variable_named_like_a_group_is_none_of_ours() -> None:
    """A container's OVEN=x disturbs neither the group nor what is told of its variables."""
    assert read(Kitchen, {"OVEN": "x", "OVEN_HEAT": "200"}).oven.heat == 200
    advice = faults(Kitchen, {"OVEN": "x", "OVEN_HEAT": "hot"})
    assert advice == {"OVEN_HEAT": "hot is not a whole number between 50 and 250"}


@pytest.mark.parametrize("text", ["1_00", "+100", "100.0", "1e2", "-100", "٣٣٣"])
def test_numbers_are_digits(text: str) -> None:
    """Other spellings that Python knows are slips in a variable."""
    assert list(faults(Kitchen, {"OVEN_HEAT": text})) == ["OVEN_HEAT"]


def test_a_fault_quotes_what_was_written() -> None:
    """Also where upper and lower case do not matter, so that it is found in the file it comes from."""

    class Grill(Group, env_prefix="GRILL_"):
        mode: Annotated[Literal["HOT", "COLD"], Upper] = "HOT"

    assert read(Grill, {"GRILL_MODE": "cold"}).mode == "COLD"
    assert one_fault(Grill, "GRILL_MODE", "Warm") == "Warm is not one of HOT, COLD"


@pytest.mark.parametrize(
    ("variable", "text", "advice"),
    [
        ("OVEN_HEAT", "hot", "hot is not a whole number between 50 and 250"),
        ("OVEN_HEAT", "49", "49 is not between 50 and 250"),
        ("OVEN_HEAT", "60.5", "60.5 is not a whole number between 50 and 250"),
        ("OVEN_MINUTES", "inf", "inf is not a number of seconds 1 or more"),
        ("OVEN_MINUTES", "0", "0 is not 1 or more seconds"),
        ("HOME_PEOPLE", "9", "9 is not 8 or less"),
        ("OVEN_MODE", "steam", "steam is not one of fan, grill"),
        ("OVEN_NAME", "o", "is wrong: String should have at least 3 characters"),
        ("OVEN_NAME", "", "must not be empty"),
        ("OVEN_MODE", "grill", "OVEN_HEAT: must be 200 or more with OVEN_MODE=grill"),
    ],
)
def test_constraints_are_those_of_pydantic(variable: str, text: str, advice: str) -> None:
    """Whatever constraint of pydantic's a field has, its fault names the variable and says what is the matter."""
    if ": " in advice and advice.startswith("OVEN"):
        assert faults(Kitchen, {variable: text}) == dict([advice.split(": ", 1)])
    else:
        assert one_fault(Kitchen, variable, text) == advice


def test_what_disagrees_is_reported_with_what_is_wrong() -> None:
    """Besides a wrong value it reports what else disagrees, in the order of the fields, and each variable once."""
    assert list(faults(Kitchen, {"HOME_PEOPLE": "x", "OVEN_MODE": "grill", "OVEN_NAME": "o"})) == [
        *("OVEN_HEAT", "OVEN_NAME", "HOME_PEOPLE")
    ]


def test_secrets_are_found_in_every_group() -> None:
    """The logs are given the secrets of inner groups too."""
    assert secrets_of(read(Kitchen, {"OVEN_CODE": "1234"})) == {"1234"}


def test_what_is_required_is_there_or_named() -> None:
    """A part that needs an optional setting gets it, or an error that names the variable."""
    assert required("value", "HF_TOKEN") == "value"
    with pytest.raises(ConfigurationError, match="HF_TOKEN: is needed"):
        required(None, "HF_TOKEN")


def test_a_fault_reads_as_a_line() -> None:
    """A fault is written as the variable and what to do about it."""
    assert str(Fault("KAFKA_TOPIC", "must not be empty")) == "KAFKA_TOPIC: must not be empty"


def test_unknown_variables_are_near_to_known_ones() -> None:
    """With a prefix of ours any unknown name is reported; with one that others use too, only a near miss."""
    environ = dict.fromkeys(
        ["OVEN_HEET", "OVEN_ZZZ", "HOME_PEOPLES", "HOME_DIRECTORY", "HOME", "PATH", "OVEN_HEAT"], ""
    )
    assert list(map(str, unknown_variables(Kitchen, environ))) == [
        "HOME_PEOPLES: nothing reads this variable; did you mean HOME_PEOPLE?",
        "OVEN_HEET: nothing reads this variable; did you mean OVEN_HEAT?",
        "OVEN_ZZZ: nothing reads this variable: see docs/configuration.md",
    ]


def test_unknown_variables_are_logged_without_values(caplog: pytest.LogCaptureFixture) -> None:
    """A worker's log names them, and what was probably meant, but never what they hold."""
    with caplog.at_level(logging.WARNING):
        warn_of_unknown(Kitchen, {"OVEN_COD": "1234"})
    (record,) = caplog.records
    assert (record.getMessage(), vars(record)["variable"]) == ("variable.unknown", "OVEN_COD")
    assert vars(record)["advice"] == "nothing reads this variable; did you mean OVEN_CODE?"
    assert "1234" not in str(vars(record))
