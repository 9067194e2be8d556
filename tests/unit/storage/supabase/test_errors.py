from __future__ import annotations

import pytest
from postgrest.exceptions import APIError

from storage.errors import Fenced, StoreError, StoreNotReady, StoreUnavailable
from storage.supabase.errors import NotAllowed, error_of


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("VM001", Fenced),
        ("VM002", ValueError),
        ("VM003", KeyError),
        ("42501", NotAllowed),
        ("401", StoreNotReady),
        ("PGRST301", StoreNotReady),
        ("PGRST303", StoreNotReady),
        ("PGRST202", StoreNotReady),
        ("PGRST205", StoreNotReady),
        ("42883", StoreNotReady),
        ("PGRST000", StoreUnavailable),
        ("PGRST002", StoreUnavailable),
        ("PGRST003", StoreUnavailable),
        ("08006", StoreUnavailable),
        ("25006", StoreUnavailable),
        ("40001", StoreUnavailable),
        ("40P01", StoreUnavailable),
        ("53100", StoreUnavailable),
        ("53300", StoreUnavailable),
        ("55P03", StoreUnavailable),
        ("57014", StoreUnavailable),
        ("57P01", StoreUnavailable),
        ("429", StoreUnavailable),
        ("502", StoreUnavailable),
        ("520", StoreUnavailable),
        ("22P02", StoreError),
        ("23514", StoreError),
        ("42703", StoreError),
        ("PGRST102", StoreError),
        ("XX000", StoreError),
    ],
)
def test_each_code_has_its_meaning(code: str, kind: type[Exception]) -> None:
    """Operators' faults, outages and bugs are distinguished, and no message is passed on."""
    error = error_of(APIError({"code": code, "message": "words", "hint": "words", "details": "words"}))
    assert type(error) is kind
    assert "words" not in str(error)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Invalid API key", StoreNotReady),
        ("No API key found in request", StoreNotReady),
        ("An invalid response was received from the upstream server", StoreUnavailable),
        (None, StoreUnavailable),
    ],
)
def test_gateway_has_no_codes(message: str | None, kind: type[Exception]) -> None:
    """The gateway's answer is known by its words: a key is missing, or the rest is away."""
    assert type(error_of(APIError({"message": message}))) is kind
