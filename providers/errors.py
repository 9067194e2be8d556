"""Errors of outside services, each with its verdict.

ProviderError
├── Unreachable              no connection, reset, name not resolved      next rung | later
├── TimedOut                 our deadline passed                          next rung | later
│   └── Stalled              an answer began, then nothing useful came
├── RateLimited              429, with Retry-After in seconds             next rung | later
├── Unavailable              5xx, 408, 425                                next rung | later
├── Unauthorized             401, 402, 403: an operator has to act        next rung | never
├── Rejected                 any other 4xx: this request is wrong         next rung | never
│   ├── Gone                 404, 410
│   └── NoVoice              it cannot speak the language; no request was made
├── BadAnswer                success without substance: empty, garbage, cut short
│   └── UnfitAnswer          a whole answer that this person must not get
│       ├── OtherLanguage    in another language than requested
│       └── PromptReadOut    it recites our own instructions
├── Forbidden                the host is not allowed                      never
│   └── TooLarge             more bytes than the limit
├── Barred                   a chat or line that accepts nothing from us  never
│   └── OptedOut             the person unsubscribed
├── OutcomeUnknown           the request was sent and not answered: it may have taken effect
└── LadderExhausted          every rung failed, or the budget ran out

I6: a message holds the service, the status and words of ours; never a key, nor the answer's body, which may repeat
what a person said.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Verdict(StrEnum):
    """What to do with the same request at the same service."""

    LATER = "later"
    """It may succeed later; meanwhile the next rung."""
    NEVER = "never"
    """It will not succeed unchanged."""
    UNKNOWN = "unknown"
    """It may have taken effect: check before repeating it."""


class ProviderError(Exception):
    """A service did not do its part.

    Attributes:
        service: its name in rungs and metrics.
        verdict: what to do about it.
        status: of HTTP, if there was one.
        retry_after_seconds: as requested by the service.
    """

    verdict: Verdict = Verdict.LATER
    reason: str = "failed"
    """A constant word for logs and metric labels."""

    def __init__(
        self, service: str, detail: str = "", *, status: int | None = None, retry_after_seconds: float | None = None
    ) -> None:
        said = " ".join(part for part in (self.reason, str(status) if status else "", detail) if part)
        super().__init__(f"{service}: {said}")
        self.service = service
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class Unreachable(ProviderError):
    """No connection, or it broke before an answer began."""

    reason = "unreachable"


class TimedOut(ProviderError):
    """Our own deadline passed."""

    reason = "timed-out"


class Stalled(TimedOut):
    """An answer began, and then brought nothing useful for too long."""

    reason = "stalled"


class RateLimited(ProviderError):
    """The service asks us to slow down (429)."""

    reason = "rate-limited"


class Unavailable(ProviderError):
    """The service is in trouble (5xx, 408, 425)."""

    reason = "unavailable"


class Unauthorized(ProviderError):
    """The key is wrong, unpaid or not allowed (401, 402, 403)."""

    verdict = Verdict.NEVER
    reason = "unauthorized"


class Rejected(ProviderError):
    """The service refuses this request (any other 4xx)."""

    verdict = Verdict.NEVER
    reason = "rejected"


class Gone(Rejected):
    """The resource does not exist (404, 410)."""

    reason = "gone"


class NoVoice(Rejected):
    """The service cannot speak the language; no request was made."""

    reason = "no-voice"


class BadAnswer(ProviderError):
    """A successful answer that is empty, garbage or cut short."""

    reason = "bad-answer"


class UnfitAnswer(BadAnswer):
    """A whole answer that this person must not get.

    People may provoke it at will, so it never counts against a service.
    """

    reason = "unfit"


class OtherLanguage(UnfitAnswer):
    """A reply in another language than requested."""

    reason = "other-language"


class PromptReadOut(UnfitAnswer):
    """A reply that recites the model's instructions."""

    reason = "prompt-read-out"


class Forbidden(ProviderError):
    """The host is not allowed."""

    verdict = Verdict.NEVER
    reason = "forbidden"


class TooLarge(Forbidden):
    """More bytes than the limit."""

    reason = "too-large"


class Barred(ProviderError):
    """The chat or line accepts nothing from us, in no form."""

    verdict = Verdict.NEVER
    reason = "barred"


class OptedOut(Barred):
    """The person unsubscribed: nothing may be sent to them again."""

    reason = "opted-out"


class OutcomeUnknown(ProviderError):
    """The whole request was sent and not answered: it may have taken effect."""

    verdict = Verdict.UNKNOWN
    reason = "outcome-unknown"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One rung tried, or passed over."""

    ladder: str
    rung: str
    seconds: float
    error: str | None = None
    """`ProviderError.reason`, or `ladder.OPEN` or `ladder.NO_TIME` for a rung passed over; None if it served."""
    ended: float = 0.0
    """By the event loop's clock, in seconds."""


class LadderExhausted(ProviderError):
    """Every rung failed, or the ladder's budget ran out.

    Attributes:
        attempts: the rungs, in order.
    """

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
