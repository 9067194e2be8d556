"""The watchdog's rules: what to do about a blocked loop or missing polls. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_HEALTH_SECONDS = 3600.0
"""Time without trouble before another rebuild is allowed."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the watchdog measured."""

    silent_seconds: float
    """Time since the last poll."""
    blocked_seconds: float
    """Time since the unanswered ping of the loop; 0 without one."""
    phase: str = "polling"

    @property
    def polls_expected(self) -> bool:
        """Whether the worker polls in this phase."""
        return self.phase not in {"draining", "stopped"}

    @property
    def loop_reason(self) -> str:
        """A blocked loop, in words."""
        return f"loop blocked for {self.blocked_seconds:.0f} s while {self.phase}"

    @property
    def polls_reason(self) -> str:
        """Missing polls, in words."""
        return f"no poll for {self.silent_seconds:.0f} s while {self.phase}"


@dataclass(frozen=True, slots=True)
class Action:
    """What to do, by its type."""

    reason: str


class DumpStacks(Action):
    """Write the stacks of all threads."""


class Rebuild(Action):
    """Write the stacks, and rebuild the consumer."""


class End(Action):
    """End the process."""


class Escalation:
    """Decides on an action at each reading.

    Time counts only as far as it was watched: in a long gap between readings the machine slept. A blocked loop cannot
    poll, so only its own rule applies. A rebuild is allowed once, and again after each hour without trouble; else only
    stacks are written.

    Args:
        stale_after_seconds: without a poll: rebuild; as long again: end.
        loop_stall_seconds: of a blocked loop: stacks; twice as long: end.
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
        self._rebuilt = False

    def judge(self, at: float, reading: Reading) -> Action | None:
        """Return what to do about a reading taken at `at`, in monotonic seconds."""
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
