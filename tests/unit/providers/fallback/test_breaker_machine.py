"""A breaker against a model, with calls that overlap and end in any way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from providers.errors import RateLimited, Rejected, Unauthorized, Unavailable
from providers.fallback.breaker import (
    COOL_DOWN_SECONDS,
    FAILURES,
    JITTER,
    LONGEST_SECONDS,
    WINDOW_SECONDS,
    Breaker,
    BreakerState,
)

if TYPE_CHECKING:
    from providers.fallback.breaker import AdmittedCall

DOWN = Unavailable("x", status=503)
UNPAID = Unauthorized("x", status=402)


@dataclass
class Model:
    """The rules once more, as simply as possible: nothing is ever forgotten, all is looked up again."""

    share: float
    """Share of a cool-down left after the jitter."""
    ended: list[tuple[float, bool]] = field(default_factory=list)
    """Calls that counted since it was last opened or closed: when, and whether they failed."""
    until: float | None = None
    openings: int = 0
    """Successive openings of our own choice."""
    probe: object = None

    def state(self, now: float) -> BreakerState:
        """What it does at this time."""
        if self.until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < self.until else BreakerState.HALF_OPEN

    def many(self, now: float) -> bool:
        """Whether the window calls for an opening."""
        window = [failed for at, failed in self.ended if now - at < WINDOW_SECONDS]
        return sum(window) >= FAILURES and sum(window) >= len(window) - sum(window)

    def fail(self, call: object, now: float, asked: float) -> None:
        """End a call with a failure that asks to stay away for so long, in seconds."""
        if self.until is not None and call is not self.probe:
            self.until = max(self.until, now + asked) if asked else self.until
            return
        self.ended.append((now, True))
        ours = self.until is not None or self.many(now)
        if ours or asked:
            cool_down = min(COOL_DOWN_SECONDS * 2**self.openings, LONGEST_SECONDS) * self.share if ours else 0.0
            self.openings += ours
            self.until = max(now + max(cool_down, asked), self.until or 0.0)
            self.ended = []

    def succeed(self, call: object, now: float) -> None:
        """End a call well."""
        if self.until is None:
            self.ended.append((now, False))
        elif call is self.probe and now >= self.until:
            self.until, self.openings = None, 0


class Traffic(RuleBasedStateMachine):
    """Calls begin, overlap and end in any way, while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.running: list[AdmittedCall] = []

    @initialize(chance=st.sampled_from([0.0, 0.5, 1.0]))
    def begin(self, chance: float) -> None:
        """Make a breaker with some jitter."""
        self.breaker = Breaker(lambda: self.now, lambda: chance)
        self.model = Model(1 - JITTER * chance)

    @rule(seconds=st.integers(1, 20) | st.sampled_from([60, 300]))
    def time_passes(self, seconds: int) -> None:
        """Move the clock."""
        self.now += seconds

    @rule(count=st.integers(1, 4))
    def calls_come(self, count: int) -> None:
        """Ask to be let through, some at a time."""
        for _ in range(count):
            state = self.model.state(self.now)
            call = self.breaker.admit()
            assert (call is not None) == (state is not BreakerState.OPEN and self.model.probe is None)
            if call is not None:
                self.running.append(call)
            if call is not None and state is BreakerState.HALF_OPEN:
                self.model.probe = call

    def take(self, data: st.DataObject) -> AdmittedCall:
        """Choose one of those under way."""
        return self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))

    def over(self, call: AdmittedCall) -> None:
        """Release a call, as every admitted one is in the end."""
        self.breaker.release(call)
        if call is self.model.probe:
            self.model.probe = None

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def one_succeeds(self, data: st.DataObject) -> None:
        """End a call well."""
        call = self.take(data)
        self.breaker.record_success(call)
        self.model.succeed(call, self.now)
        self.over(call)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), count=st.integers(1, FAILURES))
    def some_fail(self, data: st.DataObject, count: int) -> None:
        """End calls with an ordinary failure."""
        for _ in range(min(count, len(self.running))):
            call = self.take(data)
            assert not self.breaker.record_failure(call, DOWN)
            self.model.fail(call, self.now, 0.0)
            self.over(call)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), asked=st.sampled_from([5.0, 100.0, 1000.0]) | st.none())
    def one_is_told_to_stay_away(self, data: st.DataObject, asked: float | None) -> None:
        """End a call with a rate limit, or with a refused key (None)."""
        call = self.take(data)
        news = self.breaker.record_failure(
            call, UNPAID if asked is None else RateLimited("x", status=429, retry_after_seconds=asked)
        )
        assert not (news and asked is not None)
        self.model.fail(call, self.now, LONGEST_SECONDS if asked is None else min(asked, LONGEST_SECONDS))
        self.over(call)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), rejected=st.booleans())
    def one_says_nothing(self, data: st.DataObject, rejected: bool) -> None:  # noqa: FBT001 (drawn by name)
        """End a call with a bug, a cancellation, or a request that was wrong."""
        call = self.take(data)
        assert not (rejected and self.breaker.record_failure(call, Rejected("x", status=422)))
        self.over(call)

    @invariant()
    def agrees(self) -> None:
        """The breaker is where the model is, and is never open for longer than the longest time from now."""
        assert self.breaker.state is self.model.state(self.now)
        assert self.model.state(self.now + LONGEST_SECONDS) is not BreakerState.OPEN

    def teardown(self) -> None:
        """However it went: when all have let go, and time enough has passed, the next is let through."""
        if hasattr(self, "breaker"):
            for call in self.running:
                self.breaker.release(call)
            self.now += LONGEST_SECONDS
            assert self.breaker.admit() is not None


TestTraffic = Traffic.TestCase
