"""Ids of spans: a memo's own can be told by whoever knows the memo, all others are drawn.

So the tries of one memo stand in one trace, whichever worker makes them and however much later; and a dead letter goes
on with the trace of its memo, even when a worker publishes it that never saw the memo. The ids are drawn with a secret
(HMAC-SHA-256), for nobody is to find out a chat from them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.ledger import MemoKey

_TRACE_BITS = 128
_SPAN_BITS = 64


class SpanIds(RandomIdGenerator):
    """Gives the ids that were asked for, and random ones otherwise. For one thread: that of the event loop.

    Args:
        secret: what memos' ids are drawn with; the same in all workers of a group.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._asked: tuple[int, int] | None = None

    def trace_of(self, key: MemoKey) -> int:
        """Give the id of the trace of a memo that came without one."""
        return self._drawn(_TRACE_BITS, "trace", key.chat_id, key.message_id)

    def span_of(self, key: MemoKey, fence: int) -> int:
        """Give the id of the span of one try of a memo."""
        return self._drawn(_SPAN_BITS, "span", key.chat_id, key.message_id, fence)

    @contextmanager
    def asked(self, trace_id: int, span_id: int) -> Iterator[None]:
        """Let a span that is started in the block have these ids; one with a parent is in its parent's trace."""
        self._asked = trace_id, span_id
        try:
            yield
        finally:
            self._asked = None

    def generate_trace_id(self) -> int:
        """Give an id for a trace."""
        return self._asked[0] if self._asked else super().generate_trace_id()

    def generate_span_id(self) -> int:
        """Give an id for a span."""
        return self._asked[1] if self._asked else super().generate_span_id()

    def _drawn(self, bits: int, *of: str | int) -> int:
        digest = hmac.new(self._secret, json.dumps(["voicememo", *of]).encode(), hashlib.sha256).digest()
        return int.from_bytes(digest[: bits // 8], "big") or 1  # 0 is no id
