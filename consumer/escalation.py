"""Escalation: what to do when nothing moves. Pure; the watchdog looks and does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

_HEALTH_SECONDS = 3600.0
"""How long all must have been well, at a stretch, for another rebuild to be granted, in seconds."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the watchdog sees at one time."""

    silent_seconds: float
    """Since the last poll."""
    blocked_seconds: float
    """For how long the loop has owed an answer; 0 when it owes none."""
    phase: str = "polling"

    @property
    def polls_expected(self) -> bool:
        """Whether a silence means anything: who leaves polls no more."""
        return self.phase not in {"draining", "stopped"}

    @property
    def of_the_loop(self) -> str:
        """The reason that a blocked loop gives."""
        return f"loop blocked for {self.blocked_seconds:.0f} s while {self.phase}"

    @property
    def of_the_polls(self) -> str:
        """The reason that missing polls give."""
        return f"no poll for {self.silent_seconds:.0f} s while {self.phase}"


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is nothing to do."""


@dataclass(frozen=True, slots=True)
class DumpStacks:
    """Write down where everybody stands."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Write down where everybody stands, and have the consumer rebuilt."""

    reason: str


@dataclass(frozen=True, slots=True)
class End:
    """End the process."""

    reason: str


Verdict: TypeAlias = Nothing | DumpStacks | Rebuild | End
_NOTHING = Nothing()


class Escalation:
    """The rule: what to do about a silence. Pure: it knows only what it is shown.

    A silence counts as far as it was watched: after a long gap between two looks the machine was asleep or the process
    frozen, which is nobody's fault. While the loop is blocked no poll can come, so only the rule of the loop goes on.
    One rebuild is granted in a process's life, and another once an hour of health has passed since the last trouble;
    without a grant only the stacks are written, and the end comes just as late.

    Args:
        stale_after_seconds: after how long without a poll to rebuild, and after how long again to end, in seconds.
        loop_stall_seconds: after how long of a blocked loop to write the stacks, and after twice which to end.
    """

    def __init__(self, *, stale_after_seconds: float, loop_stall_seconds: float) -> None:
        self._stale_after_seconds = stale_after_seconds
        self._loop_stall_seconds = loop_stall_seconds
        self._most_gap_seconds = min(stale_after_seconds, loop_stall_seconds) / 2
        self._looked_at: float | None = None
        self._silent_seconds = 0.0
        self._blocked_seconds = 0.0
        self._well_seconds = 0.0
        self._stall_told = False
        self._silence_told_seconds: float | None = None
        """How long the silence had lasted when it was told."""
        self._rebuilt = False

    def judge(self, at: float, reading: Reading) -> Verdict:
        """Say what to do, given what is seen at `at`, in seconds of a clock that never goes back."""
        passed = 0.0 if self._looked_at is None else min(at - self._looked_at, self._most_gap_seconds)
        self._looked_at = at
        self._blocked_seconds = min(reading.blocked_seconds, self._blocked_seconds + passed)
        loop_answers = reading.blocked_seconds < self._most_gap_seconds
        self._silent_seconds = min(reading.silent_seconds, self._silent_seconds + (passed if loop_answers else 0.0))
        if not reading.polls_expected:
            self._silent_seconds = 0.0
        verdict = self._of_the_loop(reading) or self._of_the_polls(reading) or _NOTHING
        well = self._blocked_seconds < self._loop_stall_seconds and self._silent_seconds < self._stale_after_seconds
        self._well_seconds = self._well_seconds + passed if well else 0.0
        return verdict

    def _of_the_loop(self, reading: Reading) -> Verdict | None:
        if self._blocked_seconds < self._loop_stall_seconds:
            self._stall_told = False
            return None
        if self._blocked_seconds >= 2 * self._loop_stall_seconds:
            return End(reading.of_the_loop)
        if self._stall_told:
            return None
        self._stall_told = True
        return DumpStacks(reading.of_the_loop)

    def _of_the_polls(self, reading: Reading) -> Verdict | None:
        if self._silent_seconds < self._stale_after_seconds:
            self._silence_told_seconds = None
            return None
        if self._silence_told_seconds is not None:
            over = self._silent_seconds - self._silence_told_seconds >= self._stale_after_seconds
            return End(reading.of_the_polls) if over else None
        self._silence_told_seconds = self._silent_seconds
        if self._rebuilt and self._well_seconds < _HEALTH_SECONDS:
            return DumpStacks(reading.of_the_polls)
        self._rebuilt = True
        return Rebuild(reading.of_the_polls)
