"""Settings of the webhook server."""

from __future__ import annotations

import pytest

from consumer.settings.webhook import WebhookSettings
from tests.unit.runtime.settings.reading import one_fault


@pytest.mark.parametrize(
    ("variable", "text", "advice"),
    [
        ("WEBHOOK_SECRETS", "a-secret-of-version-2,", "has an empty entry"),
        ("WEBHOOK_SECRETS", "a-secret-of-version-2,short", "secret 2 can be guessed: it needs 16 characters at least"),
        ("WEBHOOK_SECRETS", "whsec_MfKQ9r8GKYqrTwjUPD8IL", "secret 1 is cut short or mistyped"),
        ("WEBHOOK_SECRETS", "whsec_MfKQ9r8G", "secret 1 is cut short or mistyped"),
        ("WEBHOOK_PATH", "webhook", "webhook is no path such as /webhook"),
        ("WEBHOOK_PATH", "/{chat}", "is no path"),
        ("WEBHOOK_TOLERANCE_SECONDS", "0", "0 is not between 1 and 86400 seconds"),
    ],
)
def test_a_wrong_value_comes_with_what_to_write(variable: str, text: str, advice: str) -> None:
    """Each wrong value is one fault, of its own variable, that says what is the matter."""
    assert advice in one_fault(WebhookSettings, variable, text)
