"""Parsing of times."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.events.timestamps import parse_time
from tests.unit.consumer.events.event_reading import RECEIVED_AT
from tests.unit.consumer.events.event_strategies import json_values, moments

EIGHTH = datetime(2025, 11, 8, 6, 7, 8, tzinfo=UTC)
HALF = timedelta(milliseconds=500)


@pytest.mark.parametrize(
    ("spelling", "at"),
    [
        ("2025-11-08 00:07:08 -0600", EIGHTH),
        ("2025-11-08 11:37:08 +05:30", EIGHTH),
        ("2025-11-08 06:07:08 UTC", EIGHTH),
        ("2025-11-08T06:07:08Z", EIGHTH),
        (" 2025-11-08T06:07:08.5 ", EIGHTH + HALF),
        (1_762_582_028, EIGHTH),
        ("1762582028", EIGHTH),
        (1_762_582_028.5, EIGHTH + HALF),
        (1_762_582_028_500, EIGHTH + HALF),
        (1_762_582_028_500_000, EIGHTH + HALF),
        (1_762_582_028_500_000_000, EIGHTH + HALF),
    ],
)
def test_spellings(spelling: object, at: datetime) -> None:
    """ISO 8601, the v2 API's own style and epoch numbers in any unit give the same time; without a zone, in UTC."""
    assert parse_time(spelling, received_at=RECEIVED_AT) == at


@pytest.mark.parametrize(
    "absurd",
    [
        *(None, "", "yesterday", True, [], {}, 0, -1, 10**30, 10**400, math.nan, math.inf, -math.inf),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1999-01-01", "2006-12-31T23:59:59Z"),
        *("2025-11-10T12:00:01Z", "2031-01-01T00:00:00Z", "2025-11-08 06:07:08 PST", "2025-13-40", "1" * 500, "\ud800"),
    ],
)
def test_absurd_times_are_none(absurd: object) -> None:
    """No time, one before the iPhone, or one more than a day after the record is None."""
    assert parse_time(absurd, received_at=RECEIVED_AT) is None


def test_long_text_is_not_looked_at() -> None:
    """A text far longer than any time is not searched: that would take hours."""
    assert parse_time(f"2025-11-08{' ' * 1_000_000}x", received_at=RECEIVED_AT) is None


def test_clock_may_be_a_little_ahead() -> None:
    """A sender's clock may be ahead of ours by a day."""
    assert parse_time("2025-11-10T12:00:00Z", received_at=RECEIVED_AT) == RECEIVED_AT + timedelta(days=1)


@given(moments())
def test_every_spelling_of_a_time(time: tuple[datetime, object]) -> None:
    """A time is the same in UTC, in whichever spelling and zone it was written."""
    at, spelling = time
    assert parse_time(spelling, received_at=RECEIVED_AT) == at


@given(json_values | st.text("0123456789-:+.TZ ", max_size=40) | st.floats() | st.integers())
def test_anything_is_read(value: object) -> None:
    """Any value gives a plausible time in UTC or None, and no error."""
    at = parse_time(value, received_at=RECEIVED_AT)
    assert at is None or (at.tzinfo is UTC and 2007 <= at.year <= 2025)
