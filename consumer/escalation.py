"""Escalation: what to do when nothing moves. Pure; the watchdog measures and acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

_HEALTH_SECONDS = 3600.0
"""Without trouble, at a stretch, before another rebuild is granted."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the watchdog measured at one time."""

    silent_seconds: float
    """Since the last poll."""
    blocked_seconds: float
    """Since the loop was asked for the answer it still owes; 0 when it owes none."""
    phase: str = "polling"

    @property
    def polls_expected(self) -> bool:
        """Whether the worker polls in this phase."""
        return self.phase not in {"draining", "stopped"}

    @property
    def loop_reason(self) -> str:
        """The reason for acting on a blocked loop."""
        return f"loop blocked for {self.blocked_seconds:.0f} s while {self.phase}"

    @property
    def polls_reason(self) -> str:
        """The reason for acting on missing polls."""
        return f"no poll for {self.silent_seconds:.0f} s while {self.phase}"


@dataclass(frozen=True, slots=True)
class DumpStacks:
    """Write the stacks of all threads."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Write the stacks, and rebuild the consumer."""

    reason: str


@dataclass(frozen=True, slots=True)
class End:
    """End the process."""

    reason: str


Action: TypeAlias = DumpStacks | Rebuild | End


class Escalation:
    """Decides what to do about a blocked loop or missing polls.

    A silence counts only as far as it was watched: after a long gap between readings the machine was asleep. While the
    loop is blocked no poll can come, so only the rule for the loop applies. One rebuild is granted, and another after
    each hour without trouble; without a grant only stacks are written, and the end comes just as late.

    Args:
        stale_after_seconds: without a poll: rebuild; after as long again: end.
        loop_stall_seconds: of a blocked loop: write stacks; after twice that: end.
    """

    def __init__(self, *, stale_after_seconds: float, loop_stall_seconds: float) -> None:
        self._stale_after_seconds = stale_after_seconds
        self._loop_stall_seconds = loop_stall_seconds
        self._most_gap_seconds = min(stale_after_seconds, loop_stall_seconds) / 2
        self._read_at: float | None = None
        self._silent_seconds = 0.0
        self._blocked_seconds = 0.0
        self._well_seconds = 0.0
        self._stall_reported = False
        self._reported_silence_seconds: float | None = None
        """How long the silence had lasted when it was acted on."""
        self._rebuilt = False

    def judge(self, at: float, reading: Reading) -> Action | None:
        """Return what to do, if anything, about a reading taken at `at`, in seconds of a monotonic clock."""
        passed = 0.0 if self._read_at is None else min(at - self._read_at, self._most_gap_seconds)
        self._read_at = at
        self._blocked_seconds = min(reading.blocked_seconds, self._blocked_seconds + passed)
        loop_answers = reading.blocked_seconds < self._most_gap_seconds
        self._silent_seconds = min(reading.silent_seconds, self._silent_seconds + (passed if loop_answers else 0.0))
        if not reading.polls_expected:
            self._silent_seconds = 0.0
        action = self._on_loop(reading) or self._on_polls(reading)
        well = self._blocked_seconds < self._loop_stall_seconds and self._silent_seconds < self._stale_after_seconds
        self._well_seconds = self._well_seconds + passed if well else 0.0
        return action

    def _on_loop(self, reading: Reading) -> Action | None:
        if self._blocked_seconds < self._loop_stall_seconds:
            self._stall_reported = False
            return None
        if self._blocked_seconds >= 2 * self._loop_stall_seconds:
            return End(reading.loop_reason)
        if self._stall_reported:
            return None
        self._stall_reported = True
        return DumpStacks(reading.loop_reason)

    def _on_polls(self, reading: Reading) -> Action | None:
        if self._silent_seconds < self._stale_after_seconds:
            self._reported_silence_seconds = None
            return None
        if self._reported_silence_seconds is not None:
            over = self._silent_seconds - self._reported_silence_seconds >= self._stale_after_seconds
            return End(reading.polls_reason) if over else None
        self._reported_silence_seconds = self._silent_seconds
        if self._rebuilt and self._well_seconds < _HEALTH_SECONDS:
            return DumpStacks(reading.polls_reason)
        self._rebuilt = True
        return Rebuild(reading.polls_reason)
