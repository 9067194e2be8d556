"""What can go wrong with somebody else's service, and what to do about it.

ProviderError                the verdict is fixed where the error is born
├── Unreachable              no connection, reset, name not resolved      next rung | later
├── TimedOut                 our deadline passed                          next rung | later
│   └── Stalled              connected, and nothing useful came in time
├── RateLimited              429, with Retry-After in seconds             next rung | later
├── Unavailable              5xx, 408, 425                                next rung | later
├── Unauthorized             401, 402, 403: an operator has to act        next rung | never
├── Rejected                 any other 4xx: this request is wrong         next rung | never
│   ├── Gone                 404, 410: what was asked for is not there
│   └── NoVoice              it cannot speak the language, so it was not even asked
├── BadAnswer                success without substance: empty, garbage, cut short
│   └── UnfitAnswer          a whole answer that this person must not be given
│       ├── OtherLanguage    in another language than was asked for
│       └── PromptReadOut    it recites our own instructions
├── Forbidden                we refuse: the host is not allowed           never
│   └── TooLarge             more bytes than the limit
├── Barred                   a chat or line that takes nothing from us, in whatever form     never
│   └── OptedOut             the person asked to hear no more from us
├── OutcomeUnknown           the body was sent and no answer came: it may have happened
└── LadderExhausted          every rung failed, or the budget ran out

I6: a message names the service, the status and our own words for it; never the provider's body, which may repeat what a
person said, and never a key.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Verdict(StrEnum):
    """What the one who catches a ProviderError should do with the same request at the same service."""

    LATER = "later"
    """It may well succeed later; meanwhile the next rung."""
    NEVER = "never"
    """It will not succeed unchanged; the next rung, and no retry."""
    UNKNOWN = "unknown"
    """It may have happened: ask before doing it again."""


class ProviderError(Exception):
    """A named service did not do its part.

    Attributes:
        service: the service's short name, as in rung names and metrics.
        verdict: what to do about it.
        status: the HTTP status, where there was one.
        retry_after_seconds: how long the service asked us to wait, in seconds.
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
    """No connection could be made, or it broke before an answer began."""

    reason = "unreachable"


class TimedOut(ProviderError):
    """Our own deadline passed."""

    reason = "timed-out"


class Stalled(TimedOut):
    """The service answered, and then gave nothing useful for too long: at first, or between two pieces."""

    reason = "stalled"


class RateLimited(ProviderError):
    """The service asked us to slow down (429)."""

    reason = "rate-limited"


class Unavailable(ProviderError):
    """The service is in trouble (5xx, 408, 425)."""

    reason = "unavailable"


class Unauthorized(ProviderError):
    """The key is wrong, unpaid or not allowed (401, 402, 403): an operator has to act."""

    verdict = Verdict.NEVER
    reason = "unauthorized"


class Rejected(ProviderError):
    """The service will not have this request (any other 4xx)."""

    verdict = Verdict.NEVER
    reason = "rejected"


class Gone(Rejected):
    """What was asked for is not there (404, 410)."""

    reason = "gone"


class NoVoice(Rejected):
    """The service cannot speak the language: it was not asked, and nothing was paid."""

    reason = "no-voice"


class BadAnswer(ProviderError):
    """The service said yes and gave nothing that can be used: empty, garbage or cut short."""

    reason = "bad-answer"


class UnfitAnswer(BadAnswer):
    """The service did its part, and what it gave must not reach this person: it says nothing of how the service is.

    Whoever speaks to us may provoke it at will, so it is never counted against a service.
    """

    reason = "unfit"


class OtherLanguage(UnfitAnswer):
    """A reply in another language than it was asked for."""

    reason = "other-language"


class PromptReadOut(UnfitAnswer):
    """A reply that recites the instructions that the model was given."""

    reason = "prompt-read-out"


class Forbidden(ProviderError):
    """We refuse to ask: the host is not allowed."""

    verdict = Verdict.NEVER
    reason = "forbidden"


class TooLarge(Forbidden):
    """There are more bytes than the limit."""

    reason = "too-large"


class Barred(ProviderError):
    """The chat or the line takes nothing from us: it is not the audio that is refused, and no other form would do."""

    verdict = Verdict.NEVER
    reason = "barred"


class OptedOut(Barred):
    """The person asked to hear no more from us: nothing is sent to them again, in whatever form."""

    reason = "opted-out"


class OutcomeUnknown(ProviderError):
    """The request went out whole and no answer came back: it may have happened."""

    verdict = Verdict.UNKNOWN
    reason = "outcome-unknown"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One rung tried, or passed over."""

    ladder: str
    rung: str
    seconds: float
    error: str | None = None
    """Why it failed (`ProviderError.reason`) or was passed over (`ladder.OPEN`, `ladder.NO_TIME`); None: it served."""
    ended: float = 0.0
    """By the event loop's clock, in seconds."""


class LadderExhausted(ProviderError):
    """Every rung failed, or the ladder's budget ran out.

    Attributes:
        attempts: each rung tried, in order, with how it fell.
    """

    reason = "exhausted"

    def __init__(self, service: str, attempts: Sequence[Attempt]) -> None:
        super().__init__(service, ", ".join(f"{attempt.rung}={attempt.error}" for attempt in attempts) or "no rung")
        self.attempts = tuple(attempts)


def from_status(service: str, status: int, retry_after_seconds: float | None = None) -> ProviderError:
    """Map an HTTP status (400 to 599) to the error that it means."""
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
