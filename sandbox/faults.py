"""Scripted latency and faults, per service: what the tests and the demo make the upstreams suffer."""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SCRIPTED: Final = "scripted-trouble"
"""Stands in every body and reason that a fault makes up: what must never be told on (I6)."""


class Kind(StrEnum):
    """What goes wrong."""

    STATUS = "status"
    """Answers with `status`, and `retry_after` where it is set."""
    REDIRECT = "redirect"
    """Sends the request on to `location`, with 307: method, body and all."""
    HANG = "hang"
    """Never answers."""
    CUT = "cut"
    """Closes the connection without an answer."""
    RESET = "reset"
    """Resets the connection without an answer, as a process that dies does."""
    EMPTY = "empty"
    """Answers 200 with nothing."""
    GARBAGE = "garbage"
    """Answers 200 with bytes that mean nothing."""
    HTML = "html"
    """Answers 200 with a page for people."""
    BROKEN_JSON = "broken-json"
    """Answers 200 with what says that it is JSON, and is none."""
    OTHER_JSON = "other-json"
    """Answers 200 with JSON of a shape that nobody asked for."""
    HANG_AFTER_HEADERS = "hang-after-headers"
    """Begins to answer, and never says a word."""
    HANG_MIDWAY = "hang-midway"
    """Gives the beginning of the right answer, and then nothing, with the connection open."""
    CUT_MIDWAY = "cut-midway"
    """Gives the beginning of the right answer, and closes the connection."""
    SHORT = "short"
    """Gives the beginning of the right answer, and ends it as if it were whole."""
    ENDLESS = "endless"
    """Gives the beginning of the right answer again and again, as fast as it is read."""
    TRICKLE = "trickle"
    """Gives the right answer whole, in small pieces with `pause_seconds` between them."""
    DRIP = "drip"
    """Gives one byte that means nothing each `pause_seconds`, for ever."""
    ACCEPTED_THEN_CUT = "accepted-then-cut"
    """Does what was asked, and closes the connection without saying so."""
    ACCEPTED_THEN_HANG = "accepted-then-hang"
    """Does what was asked, and never says so."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble."""

    kind: Kind
    status: int = 500
    retry_after: str | None = None
    location: str = "/"
    """Where a redirect points."""
    after_bytes: int | None = None
    """How long the beginning of the right answer is, in bytes; half of the answer when None."""
    pause_seconds: float = 0.01
    """Between two pieces."""


class Faults:
    """What happens to the requests of each service; a service is a route's name (whisper, llama, series.send…)."""

    def __init__(self) -> None:
        self._next: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._always: dict[str, Fault] = {}
        self.latency: dict[str, float] = {}
        """Service → seconds before it answers."""
        self.requests: Counter[str] = Counter()
        """Service → requests that came."""
        self.callers: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
        """Service → where requests came from, so over how many connections."""
        self.held: Counter[str] = Counter()
        """Service → requests that were made to wait for what never comes."""
        self.left: Counter[str] = Counter()
        """Service → requests whose client went away while it waited for the rest of an answer."""
        self.ourselves: Final = secrets.token_hex()
        """Who knows it suffers nothing: the sandbox, when it asks itself for the right answer."""

    def next(self, service: str, *faults: Fault) -> None:
        """Let the next requests suffer these, one each."""
        self._next[service].extend(faults)

    def always(self, service: str, fault: Fault) -> None:
        """Let every request suffer this, until cleared."""
        self._always[service] = fault

    def clear(self) -> None:
        """Let all be well again."""
        self._next.clear()
        self._always.clear()
        self.latency.clear()

    def take(self, service: str) -> Fault | None:
        """Give what this request is to suffer."""
        queue = self._next.get(service)
        return queue.popleft() if queue else self._always.get(service)
