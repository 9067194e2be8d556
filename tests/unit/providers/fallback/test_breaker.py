"""What a breaker promises, rule by rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from providers.errors import (
    BadAnswer,
    Forbidden,
    Gone,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    TimedOut,
    Unauthorized,
    Unavailable,
    Unreachable,
)
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
    from providers.errors import ProviderError
    from providers.fallback.breaker import AdmittedCall

DOWN = Unavailable("x", status=503)
UNPAID = Unauthorized("x", status=402)


def limited(seconds: float | None) -> RateLimited:
    """A 429 that asks to stay away for so long, in seconds."""
    return RateLimited("x", status=429, retry_after_seconds=seconds)


@dataclass
class Clock:
    """Time that goes on when set."""

    now: float = 0.0

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self.now


@dataclass
class Service:
    """A breaker, without jitter unless given a chance, and calls through it."""

    chance: float = 0.0
    clock: Clock = field(default_factory=Clock)
    breaker: Breaker = field(init=False)

    def __post_init__(self) -> None:
        self.breaker = Breaker(self.clock, lambda: self.chance)

    def call(self) -> AdmittedCall:
        """Be let through."""
        call = self.breaker.admit()
        assert call is not None
        return call

    def fail(self, error: ProviderError = DOWN, *, times: int = 1) -> None:
        """Fail so often."""
        for _ in range(times):
            self.breaker.record_failure(self.call(), error)

    def state(self) -> BreakerState:
        """What the breaker does now."""
        return self.breaker.state

    def opens_after(self) -> float:
        """How long it stays open from now on, in whole seconds; time passes until then."""
        begun = self.clock.now
        while self.state() is BreakerState.OPEN:
            self.clock.now += 1
        return self.clock.now - begun


@pytest.fixture
def service() -> Service:
    """A breaker, closed."""
    return Service()


def test_enough_failures_open_it(service: Service) -> None:
    """One failure less than the limit leaves it closed; the last one shuts everybody out."""
    service.fail(times=FAILURES - 1)
    assert service.state() is BreakerState.CLOSED
    service.fail()
    assert service.state() is BreakerState.OPEN
    assert service.breaker.admit() is None


def test_old_failures_are_forgotten(service: Service) -> None:
    """Failures that lie longer back than the window do not add up with new ones."""
    service.fail(times=FAILURES - 1)
    service.clock.now += WINDOW_SECONDS
    service.fail(times=FAILURES - 1)
    assert service.state() is BreakerState.CLOSED


def test_few_failures_among_many_successes_do_not_open_it(service: Service) -> None:
    """A service of which most calls succeed stays in use, until half of them fail."""
    for _ in range(FAILURES + 1):
        service.breaker.record_success(service.call())
    service.fail(times=FAILURES)
    assert service.state() is BreakerState.CLOSED
    service.fail()
    assert service.state() is BreakerState.OPEN


def test_the_window_is_bounded(service: Service) -> None:
    """However many calls end within the window, only the latest 200 are remembered (I9)."""
    for _ in range(10_000):
        service.breaker.record_success(service.call())
    service.fail(times=99)
    assert service.state() is BreakerState.CLOSED
    service.fail()
    assert service.state() is BreakerState.OPEN


@pytest.mark.parametrize("kind", [Unreachable, TimedOut, RateLimited, Unavailable, BadAnswer, OutcomeUnknown])
def test_what_the_service_did_wrong_counts(service: Service, kind: type[ProviderError]) -> None:
    """Each way in which a service may fail us counts."""
    service.fail(kind("x"), times=FAILURES)
    assert service.state() is BreakerState.OPEN


@pytest.mark.parametrize("kind", [Rejected, Gone, Forbidden])
def test_what_the_request_did_wrong_does_not_count(service: Service, kind: type[ProviderError]) -> None:
    """A request that the service or we refuse says nothing about the service, and leaves the probe to the next."""
    service.fail(kind("x"), times=3 * FAILURES)
    assert service.state() is BreakerState.CLOSED
    service.fail(times=FAILURES)
    service.clock.now += COOL_DOWN_SECONDS
    service.fail(kind("x"), times=2)
    assert service.state() is BreakerState.HALF_OPEN


def test_one_probe_at_a_time(service: Service) -> None:
    """After the cool-down one call is let through; the next only when that one has ended without a word."""
    service.fail(times=FAILURES)
    service.clock.now += COOL_DOWN_SECONDS
    assert service.state() is BreakerState.HALF_OPEN
    probe = service.call()
    assert service.breaker.admit() is None
    service.breaker.release(probe)
    assert service.breaker.admit() is not None


def test_probe_that_succeeds_closes_it(service: Service) -> None:
    """After a success everybody is let through, the old failures are forgotten, and so are the long cool-downs."""
    service.fail(times=FAILURES)
    service.clock.now += COOL_DOWN_SECONDS
    service.fail()
    service.clock.now += 2 * COOL_DOWN_SECONDS
    service.breaker.record_success(service.call())
    assert service.state() is BreakerState.CLOSED
    service.fail(times=FAILURES - 1)
    assert service.state() is BreakerState.CLOSED
    service.fail()
    assert service.opens_after() == COOL_DOWN_SECONDS


def test_probes_that_fail_double_the_cool_down(service: Service) -> None:
    """It waits twice as long after each probe that failed, up to the longest."""
    service.fail(times=FAILURES)
    waited = [service.opens_after()]
    for _ in range(6):
        service.fail()
        waited.append(service.opens_after())
    assert waited == [15, 30, 60, 120, 240, 300, 300]


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_jitter_shortens_the_cool_down(chance: float) -> None:
    """By chance up to a fifth of a cool-down is left out."""
    service = Service(chance)
    service.fail(times=FAILURES)
    service.clock.now = COOL_DOWN_SECONDS * (1 - JITTER * chance) - 0.001
    assert service.state() is BreakerState.OPEN
    service.clock.now += 0.002
    assert service.state() is BreakerState.HALF_OPEN


@pytest.mark.parametrize(
    ("asked", "kept"), [(1, 1), (40, 40), (3600, LONGEST_SECONDS), (float("inf"), LONGEST_SECONDS)]
)
def test_retry_after_is_heeded_at_once(service: Service, asked: float, kept: float) -> None:
    """One answer that asks to stay away is enough, for as long as it asks and not longer, up to the longest."""
    service.fail(limited(asked))
    assert service.opens_after() == kept


@pytest.mark.parametrize("asked", [None, 0.0, -1.0, float("nan")])
def test_no_retry_after_is_a_failure_like_any_other(service: Service, asked: float | None) -> None:
    """A 429 that does not say how long only counts."""
    service.fail(limited(asked), times=FAILURES - 1)
    assert service.state() is BreakerState.CLOSED
    service.fail(limited(asked))
    assert service.opens_after() == COOL_DOWN_SECONDS


def test_retry_after_never_shortens_a_cool_down(service: Service) -> None:
    """A pattern of failures has its cool-down even where the last of them asked for less."""
    service.fail(times=FAILURES - 1)
    service.fail(limited(2))
    assert service.opens_after() == COOL_DOWN_SECONDS
    service.fail(limited(100))
    assert service.opens_after() == 100


def test_permanent_fault_opens_at_once_and_is_news_once(service: Service) -> None:
    """A refused key opens it for the longest time; of all calls under way only the first to tell is news."""
    calls = [service.call() for _ in range(3)]
    assert [service.breaker.record_failure(call, UNPAID) for call in calls] == [True, False, False]
    assert service.opens_after() == LONGEST_SECONDS
    assert service.breaker.record_failure(service.call(), UNPAID)
    assert service.opens_after() == LONGEST_SECONDS


def test_late_permanent_fault_is_news(service: Service) -> None:
    """A call from before an ordinary opening may show that it is worse: it lasts longer, and that is reported."""
    late = service.call()
    service.fail(times=FAILURES)
    assert service.breaker.record_failure(late, UNPAID)
    assert service.opens_after() == LONGEST_SECONDS


def test_late_ends_do_not_speak_for_the_service_now(service: Service) -> None:
    """Calls from before the opening neither close it nor make it longer, nor free another call's probe."""
    calls = [service.call() for _ in range(3)]
    service.fail(times=FAILURES)
    service.breaker.record_success(calls[0])
    service.breaker.record_failure(calls[1], DOWN)
    assert service.opens_after() == COOL_DOWN_SECONDS
    service.call()
    service.breaker.release(calls[2])
    assert service.breaker.admit() is None


def test_asked_to_stay_away_while_a_probe_runs(service: Service) -> None:
    """A probe's success does not overrule a service that has meanwhile asked another call for a pause."""
    late = service.call()
    service.fail(times=FAILURES)
    service.clock.now += COOL_DOWN_SECONDS
    probe = service.call()
    service.breaker.record_failure(late, limited(50))
    service.breaker.record_success(probe)
    assert service.opens_after() == 50
    service.breaker.record_success(service.call())
    assert service.state() is BreakerState.CLOSED
