"""Faults of the environment, worded for the operator who corrects them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

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
    """Variables that cannot be used, a line for each."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def required(value: T | None, variable: str) -> T:
    """Return an optional value. Raises ConfigurationError if it is not set."""
    if value is None:
        raise ConfigurationError(Fault(variable, "is needed"))
    return value


def quoted(text: str) -> str:
    """Shorten a value for a fault; replace it where it may hold a credential."""
    if "@" in text or "://" in text:
        return "the value"
    return text if len(text) <= _MOST_QUOTED else f"{text[:_MOST_QUOTED]}…"
