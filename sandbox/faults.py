"""Fault injection: scripted latency and faults, per service."""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SCRIPTED: Final = "scripted-trouble"
"""Word in every made-up body and reason: nothing may pass it on (I6)."""


class FaultKind(StrEnum):
    """How a service fails."""

    STATUS = "status"  # `status`, with `retry_after` if set
    REDIRECT = "redirect"  # 307 to `location`
    HANG = "hang"  # no answer
    CUT = "cut"  # the connection closes without an answer
    RESET = "reset"  # the connection resets without an answer, as when a process dies
    EMPTY = "empty"  # 200 with nothing
    GARBAGE = "garbage"  # 200 with random bytes
    HTML = "html"  # 200 with a web page
    BROKEN_JSON = "broken-json"  # 200 with invalid JSON
    OTHER_JSON = "other-json"  # 200 with JSON of an unexpected shape
    HANG_AFTER_HEADERS = "hang-after-headers"  # headers, then silence
    HANG_MIDWAY = "hang-midway"  # the beginning of the right answer, then silence
    CUT_MIDWAY = "cut-midway"  # the beginning of the right answer, then the connection closes
    SHORT = "short"  # the beginning of the right answer, ended as if it were whole
    ENDLESS = "endless"  # the beginning of the right answer, again and again, as fast as it is read
    TRICKLE = "trickle"  # the right answer in small pieces, `pause_seconds` apart
    DRIP = "drip"  # a meaningless byte each `pause_seconds`, without end
    ACCEPTED_THEN_CUT = "accepted-then-cut"  # the request is carried out, and the connection closes without an answer
    ACCEPTED_THEN_HANG = "accepted-then-hang"  # the request is carried out, and not answered


@dataclass(frozen=True, slots=True)
class ScriptedFault:
    """A kind of failure, and its details."""

    kind: FaultKind
    status: int = 500
    retry_after: str | None = None
    location: str = "/"
    after_bytes: int | None = None  # length of the beginning of the right answer; half of it when None
    pause_seconds: float = 0.01


class Faults:
    """Faults and observations by service: a route's name (whisper, llama, series.send…)."""

    def __init__(self) -> None:
        self._next: defaultdict[str, deque[ScriptedFault]] = defaultdict(deque)
        self._always: dict[str, ScriptedFault] = {}
        self.latency: dict[str, float] = {}  # Service → seconds before it answers
        self.requests: Counter[str] = Counter()
        self.callers: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
        """Service → its clients' addresses: one for each connection."""
        self.held: Counter[str] = Counter()  # Service → requests left waiting
        self.left: Counter[str] = Counter()  # Service → requests whose client left while it waited
        self.own_request_token: Final = secrets.token_hex()  # secret of the sandbox's own requests, which no fault hits

    def next(self, service: str, *faults: ScriptedFault) -> None:
        """Inject these into the next requests, one each."""
        self._next[service].extend(faults)

    def always(self, service: str, fault: ScriptedFault) -> None:
        """Inject this into every request, until cleared."""
        self._always[service] = fault

    def clear(self) -> None:
        """Remove all faults and latency."""
        self._next.clear()
        self._always.clear()
        self.latency.clear()

    def take(self, service: str) -> ScriptedFault | None:
        """Return the fault of this request."""
        queue = self._next.get(service)
        return queue.popleft() if queue else self._always.get(service)
