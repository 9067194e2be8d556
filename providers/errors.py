"""Errors of outside services; the verdict is LATER unless stated.

ProviderError
├── Unreachable
├── TimedOut
│   └── Stalled
├── RateLimited
├── Unavailable
├── Unauthorized           NEVER
├── Rejected               NEVER
│   ├── Gone
│   └── NoVoice
├── BadAnswer
│   └── UnfitAnswer
│       ├── OtherLanguage
│       └── PromptReadOut
├── Forbidden              NEVER
│   └── TooLarge
├── Barred                 NEVER
│   └── OptedOut
├── OutcomeUnknown         UNKNOWN
└── LadderExhausted

I6: no message holds a key, or the answer's body, which may repeat what a person said.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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

    verdict: ClassVar[Verdict] = Verdict.LATER
    reason: ClassVar[str] = "failed"
    """Name of the error in logs and metric labels."""

    def __init_subclass__(cls, *, reason: str, verdict: Verdict | None = None) -> None:
        cls.reason = reason
        cls.verdict = verdict or cls.verdict

    def __init__(
        self, service: str, detail: str = "", *, status: int | None = None, retry_after_seconds: float | None = None
    ) -> None:
        text = " ".join(part for part in (self.reason, str(status) if status else "", detail) if part)
        super().__init__(f"{service}: {text}")
        self.service = service
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class Unreachable(ProviderError, reason="unreachable"):
    """No connection, or it broke before an answer."""


class TimedOut(ProviderError, reason="timed-out"):
    """Our own deadline passed."""


class Stalled(TimedOut, reason="stalled"):
    """A stream brought nothing useful in time."""


class RateLimited(ProviderError, reason="rate-limited"):
    """Status 429."""


class Unavailable(ProviderError, reason="unavailable"):
    """Status 5xx, 408 or 425."""


class Unauthorized(ProviderError, reason="unauthorized", verdict=Verdict.NEVER):
    """Status 401, 402 or 403: an operator has to act."""


class Rejected(ProviderError, reason="rejected", verdict=Verdict.NEVER):
    """Any other status 4xx."""


class Gone(Rejected, reason="gone"):
    """Status 404 or 410."""


class NoVoice(Rejected, reason="no-voice"):
    """No voice for the language; nothing was requested."""


class BadAnswer(ProviderError, reason="bad-answer"):
    """An empty, garbled or truncated answer."""


class UnfitAnswer(BadAnswer, reason="unfit"):
    """A whole answer that this person must not get; people can provoke it, so breakers do not count it."""


class OtherLanguage(UnfitAnswer, reason="other-language"):
    """A reply not in the language requested."""


class PromptReadOut(UnfitAnswer, reason="prompt-read-out"):
    """A reply that recites the model's instructions."""


class Forbidden(ProviderError, reason="forbidden", verdict=Verdict.NEVER):
    """A host that we do not allow."""


class TooLarge(Forbidden, reason="too-large"):
    """More bytes than our limit."""


class Barred(ProviderError, reason="barred", verdict=Verdict.NEVER):
    """The chat or line accepts nothing from us."""


class OptedOut(Barred, reason="opted-out"):
    """The person unsubscribed."""


class OutcomeUnknown(ProviderError, reason="outcome-unknown", verdict=Verdict.UNKNOWN):
    """The request was sent whole and not answered."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One rung tried or passed over."""

    ladder: str
    rung: str
    seconds: float
    error: str | None = None
    """`ProviderError.reason`, `ladder.OPEN` or `ladder.NO_TIME`; None if it served."""
    ended: float = 0.0
    """Time of its end by the event loop's clock."""


class LadderExhausted(ProviderError, reason="exhausted"):
    """No rung served."""

    def __init__(self, service: str, attempts: Sequence[Attempt]) -> None:
        super().__init__(service, ", ".join(f"{attempt.rung}={attempt.error}" for attempt in attempts) or "no rung")
        self.attempts = tuple(attempts)


_BY_STATUS: Final[Mapping[int, type[ProviderError]]] = {
    401: Unauthorized, 402: Unauthorized, 403: Unauthorized, 404: Gone, 408: Unavailable, 410: Gone, 425: Unavailable,
    429: RateLimited,
}  # fmt: skip


def from_status(service: str, status: int, retry_after_seconds: float | None = None) -> ProviderError:
    """Map an HTTP status (400 to 599) to its error."""
    other = Unavailable if status >= 500 else Rejected  # noqa: PLR2004 (RFC 9110, 15.6)
    return _BY_STATUS.get(status, other)(service, status=status, retry_after_seconds=retry_after_seconds)
