"""Ids of memos' spans, computed from the memo, so that all its tries stand in one trace whichever worker makes them.

They are an HMAC-SHA-256 with a secret: a chat cannot be guessed from them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.ledger import MemoKey

_TRACE_BITS = 128
_SPAN_BITS = 64


class SpanIds:
    """Ids for the spans of memos. For the event loop's thread only.

    Args:
        secret: the same in all workers of a group.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.chosen: tuple[int, int] | None = None
        """Trace and span ids that a span started now gets; None for random ones."""

    def trace_of(self, key: MemoKey) -> int:
        """Return the trace id of a memo that came without a trace context."""
        return self._digest(_TRACE_BITS, "trace", key.chat_id, key.message_id)

    def span_of(self, key: MemoKey, fence: int) -> int:
        """Return the span id of one try of a memo."""
        return self._digest(_SPAN_BITS, "span", key.chat_id, key.message_id, fence)

    @contextmanager
    def choose(self, trace_id: int, span_id: int) -> Iterator[None]:
        """Use these ids for a span that is started in the block; with a parent, it is in its parent's trace."""
        self.chosen = trace_id, span_id
        try:
            yield
        finally:
            self.chosen = None

    def _digest(self, bits: int, *parts: str | int) -> int:
        digest = hmac.new(self._secret, json.dumps(["voicememo", *parts]).encode(), hashlib.sha256).digest()
        return int.from_bytes(digest[: bits // 8], "big") or 1  # 0 is no id
