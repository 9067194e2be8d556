"""Errors of outside services; the verdict is LATER unless stated.

ProviderError
├── Unreachable        no connection, reset, name not resolved
├── TimedOut           our deadline passed
│   └── Stalled        no useful piece of a stream in time
├── RateLimited        429, with Retry-After
├── Unavailable        5xx, 408, 425
├── Unauthorized       401, 402, 403: an operator has to act      NEVER
├── Rejected           any other 4xx                              NEVER
│   ├── Gone           404, 410
│   └── NoVoice        no voice for the language                  NEVER
├── BadAnswer          empty, garbled, truncated
│   └── UnfitAnswer    whole, but not for this person
│       ├── OtherLanguage
│       └── PromptReadOut
├── Forbidden          host not allowed by us                     NEVER
│   └── TooLarge       over our limit of bytes
├── Barred             chat or line accepts nothing from us       NEVER
│   └── OptedOut       person unsubscribed
├── OutcomeUnknown     sent whole, not answered                   UNKNOWN
└── LadderExhausted    every rung failed

I6: no message holds a key, or the answer's body, which may repeat what a person said.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Verdict(StrEnum):
    """What to do with the request."""

    LATER = "later"
    """Retry later."""
    NEVER = "never"
    """Do not retry unchanged."""
    UNKNOWN = "unknown"
    """It may have taken effect: check first."""


class ProviderError(Exception):
    """A service did not do its part.

    `service` is its name in rungs and metrics, `status` that of HTTP, `retry_after_seconds` its own request.
    """

    verdict: Verdict = Verdict.LATER
    reason: str = "failed"
    """For logs and metric labels."""

    def __init__(
        self, service: str, detail: str = "", *, status: int | None = None, retry_after_seconds: float | None = None
    ) -> None:
        text = " ".join(part for part in (self.reason, str(status) if status else "", detail) if part)
        super().__init__(f"{service}: {text}")
        self.service = service
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class Unreachable(ProviderError):
    """No connection, or it broke before an answer."""

    reason = "unreachable"


class TimedOut(ProviderError):
    """Our own deadline passed."""

    reason = "timed-out"


class Stalled(TimedOut):
    """A stream brought nothing useful in time."""

    reason = "stalled"


class RateLimited(ProviderError):
    """Status 429."""

    reason = "rate-limited"


class Unavailable(ProviderError):
    """Status 5xx, 408 or 425."""

    reason = "unavailable"


class Unauthorized(ProviderError):
    """Status 401, 402 or 403."""

    verdict = Verdict.NEVER
    reason = "unauthorized"


class Rejected(ProviderError):
    """Any other status 4xx."""

    verdict = Verdict.NEVER
    reason = "rejected"


class Gone(Rejected):
    """Status 404 or 410."""

    reason = "gone"


class NoVoice(Rejected):
    """No voice for the language; nothing was requested."""

    reason = "no-voice"


class BadAnswer(ProviderError):
    """An empty, garbled or truncated answer."""

    reason = "bad-answer"


class UnfitAnswer(BadAnswer):
    """A whole answer that this person must not get; people can provoke it, so breakers do not count it."""

    reason = "unfit"


class OtherLanguage(UnfitAnswer):
    """A reply not in the language requested."""

    reason = "other-language"


class PromptReadOut(UnfitAnswer):
    """A reply that recites the model's instructions."""

    reason = "prompt-read-out"


class Forbidden(ProviderError):
    """A host that we do not allow."""

    verdict = Verdict.NEVER
    reason = "forbidden"


class TooLarge(Forbidden):
    """More bytes than our limit."""

    reason = "too-large"


class Barred(ProviderError):
    """The chat or line accepts nothing from us."""

    verdict = Verdict.NEVER
    reason = "barred"


class OptedOut(Barred):
    """The person unsubscribed."""

    reason = "opted-out"


class OutcomeUnknown(ProviderError):
    """The request was sent whole and not answered."""

    verdict = Verdict.UNKNOWN
    reason = "outcome-unknown"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One rung tried or passed over."""

    ladder: str
    rung: str
    seconds: float
    error: str | None = None
    """`ProviderError.reason`, `ladder.OPEN` or `ladder.NO_TIME`; None if it served."""
    ended: float = 0.0
    """By the event loop's clock."""


class LadderExhausted(ProviderError):
    """No rung served."""

    reason = "exhausted"

    def __init__(self, service: str, attempts: Sequence[Attempt]) -> None:
        super().__init__(service, ", ".join(f"{attempt.rung}={attempt.error}" for attempt in attempts) or "no rung")
        self.attempts = tuple(attempts)


def from_status(service: str, status: int, retry_after_seconds: float | None = None) -> ProviderError:
    """Map an HTTP status (400 to 599) to its error."""
    kind: type[ProviderError]
    match status:
        case 401 | 402 | 403:
            kind = Unauthorized
        case 404 | 410:
            kind = Gone
        case 429:
            kind = RateLimited
        case 408 | 425:
            kind = Unavailable
        case _ if status >= 500:  # noqa: PLR2004 (RFC 9110, 15.6)
            kind = Unavailable
        case _:
            kind = Rejected
    return kind(service, status=status, retry_after_seconds=retry_after_seconds)
