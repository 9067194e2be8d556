"""Ladder: one combinator falls back, for speech recognition, reply and speech alike."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attempt:
    """One rung tried."""

    ladder: str
    rung: str
    seconds: float
    """How long it took, in seconds."""
    error: str | None = None
    """The reason it fell (a constant word, ProviderError.reason); None when it served."""
