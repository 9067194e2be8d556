"""How much may be in hand at once, and how long that may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much there may be, and how long it may take: together less than the ten seconds that Linq waits."""

    requests: int = 256
    """In hand at once, those included that Kafka is still to take though they were answered."""
    size: int = 32 * 1024 * 1024
    """And their bytes."""
    read_seconds: float = 3.0
    """For a body to come."""
    keep_seconds: float = 5.0
    """For Kafka to take it."""


LIMITS = Limits()


@dataclass(slots=True)
class Room:
    """What is in hand."""

    limits: Limits
    requests: int = 0
    size: int = 0

    def take(self, size: int) -> bool:
        """Take a delivery in hand, if there is room."""
        if self.requests >= self.limits.requests or self.size + size > self.limits.size:
            return False
        self.requests += 1
        self.size += size
        return True

    def give(self, size: int) -> None:
        """Let go of it."""
        self.requests -= 1
        self.size -= size
