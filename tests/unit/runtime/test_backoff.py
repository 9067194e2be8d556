from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runtime.backoff import Backoff

shares = st.floats(0, 1)
seconds = st.floats(0.001, 100)


@given(seconds, seconds, shares, shares, st.integers(0, 10**9))
def test_delays_are_bounded(first: float, longest: float, jitter: float, drawn: float, failures: int) -> None:
    """Whatever chance says, a delay is at most the longest, and at least what jitter leaves of the whole one."""
    whole = Backoff(first, longest, jitter=0).delay_seconds(failures)
    delay = Backoff(first, longest, jitter, lambda: drawn).delay_seconds(failures)
    assert min(first, longest) <= whole <= longest
    assert whole * (1 - jitter) <= delay <= whole


@given(seconds, seconds, shares, shares)
def test_delays_never_shrink(first: float, longest: float, jitter: float, drawn: float) -> None:
    """With the same luck each delay is at least as long as the one before, and they end at the longest."""
    backoff = Backoff(first, longest, jitter, lambda: drawn)
    delays = [backoff.delay_seconds(failures) for failures in range(40)]
    assert delays == sorted(delays)
    assert delays[-1] == longest * (1 - jitter * drawn)


def test_delays_double() -> None:
    """Without jitter each delay is twice the one before, up to the longest."""
    backoff = Backoff(1.0, 60.0, jitter=0)
    assert [backoff.delay_seconds(failures) for failures in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_jitter_spreads() -> None:
    """By itself it draws at random."""
    delays = {Backoff(8.0, 8.0).delay_seconds(0) for _ in range(100)}
    assert len(delays) > 1
    assert all(4 <= delay <= 8 for delay in delays)


def test_chance_stays_out_of_reprs() -> None:
    """What is drawn with is no part of what it is."""
    assert repr(Backoff(1.0, 2.0)) == "Backoff(first_seconds=1.0, longest_seconds=2.0, jitter=0.5)"
