"""Times in events: ISO 8601, the v2 API's own style, epoch numbers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_LONGEST = 40
"""Characters."""
_EARLIEST = datetime(2007, 1, 1, tzinfo=UTC)
"""The year of the iPhone."""
_CLOCK_SKEW = timedelta(days=1)
_ZONE_APART = re.compile(r"\s+(?:UTC|GMT|(?=[+-]\d\d:?\d\d\Z))")
"""As in `2025-11-08 12:00:00 -0600` of the v2 API; Ruby also writes UTC."""
_EPOCH = re.compile(r"\d{9,19}(?:\.\d{1,9})?", re.ASCII)
_UNITS_PER_SECOND = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (0.0, 1.0))
"""Least number → its unit: nanoseconds from 1e17 on, microseconds, milliseconds, seconds."""


def parse_time(value: object, *, received_at: datetime) -> datetime | None:
    """Return a time in UTC, its default zone; None if there is none or it is implausible."""
    try:
        time = _parse(value)
        plausible = time is not None and time >= _EARLIEST and time - received_at <= _CLOCK_SKEW
    except (ValueError, OverflowError, OSError):
        return None
    return time if plausible else None


def _parse(value: object) -> datetime | None:
    if isinstance(value, str) and len(value) <= _LONGEST:
        text = value.strip()
        return _from_epoch(float(text)) if _EPOCH.fullmatch(text) else _from_text(text)
    if isinstance(value, (int, float)):
        return _from_epoch(float(value))
    return None


def _from_text(text: str) -> datetime:
    zoned = _ZONE_APART.sub(lambda zone: "+00:00" if zone[0].strip() else "", text, count=1)
    time = datetime.fromisoformat(zoned)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


def _from_epoch(number: float) -> datetime:
    per_second = next((units for least, units in _UNITS_PER_SECOND if number >= least), 1.0)
    return datetime.fromtimestamp(number / per_second, UTC)
