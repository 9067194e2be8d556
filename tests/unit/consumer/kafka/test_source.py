"""The time of a record from Kafka, whatever its producer wrote."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.kafka.source import _event

NOW = datetime.now(UTC)


def at(timestamp: int | None) -> datetime:
    """The moment of a record with this timestamp."""
    record = SimpleNamespace(topic="t", partition=0, offset=1, timestamp=timestamp, key=None, value=b"", headers=())
    return datetime.fromtimestamp(_event(record).at, UTC)


def test_a_timestamp_is_in_milliseconds() -> None:
    """A producer's own time is kept to the millisecond."""
    assert at(1_762_000_000_123) == datetime(2025, 11, 1, 12, 26, 40, 123_000, UTC)


@pytest.mark.parametrize("wrong", [None, -1, 0, 1_762_000_000_123_000, 2**63 - 1])
def test_what_is_no_time_is_now(wrong: int | None) -> None:
    """No time, or one in microseconds (the year 57860), becomes the moment of reading."""
    assert NOW <= at(wrong) <= datetime.now(UTC)


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_number_gives_a_time(number: int) -> None:
    """Any number becomes a time, at most a day ahead."""
    assert at(number) <= datetime.now(UTC) + timedelta(days=1)
