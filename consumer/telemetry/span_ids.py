"""Ids of memos' spans: an HMAC-SHA-256 of the memo's id, so that all workers put its tries into one trace."""

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
    """Ids for memos' spans, for one thread; the secret is shared by a group and keeps chats from being guessed."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.chosen: tuple[int, int] | None = None
        """Trace and span ids of the next span; None for random ones."""

    def trace_of(self, key: MemoKey) -> int:
        """Return a memo's trace id."""
        return self._digest(_TRACE_BITS, "trace", key.chat_id, key.message_id)

    def span_of(self, key: MemoKey, fence: int) -> int:
        """Return the span id of one try."""
        return self._digest(_SPAN_BITS, "span", key.chat_id, key.message_id, fence)

    @contextmanager
    def choose(self, trace_id: int, span_id: int) -> Iterator[None]:
        """Use these ids for the block's span; a parent's trace id takes precedence."""
        self.chosen = trace_id, span_id
        try:
            yield
        finally:
            self.chosen = None

    def _digest(self, bits: int, *parts: str | int) -> int:
        digest = hmac.new(self._secret, json.dumps(["voicememo", *parts]).encode(), hashlib.sha256).digest()
        return int.from_bytes(digest[: bits // 8], "big") or 1  # 0 is no id
