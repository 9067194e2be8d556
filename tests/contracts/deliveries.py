"""Deliver over a real client of a messenger: one memo, whose reply is sent by as many attempts as it takes."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from audio.clip import Clip
from audio.formats import Format
from consumer.memo.lease import Lease
from consumer.memo.progress import Progress
from consumer.memo.states import Answering, Memo, Spoken
from consumer.notices import Notices
from consumer.stages.deliver import Deliver
from storage.ledger import Claim, MemoKey
from storage.states import State

if TYPE_CHECKING:
    from consumer.memo.states import Delivered
    from providers.ports import Messenger

LEASE_SECONDS = 600.0
MEMO = Memo("51", "m1", "+15550100001", datetime(2026, 1, 1, tzinfo=UTC), ())
ANSWERING = Answering(MEMO, "the words", "en", "llama")
SPOKEN = Spoken(ANSWERING, Clip(b"\x00sound", Format.M4A), "the words", "voice")


class Ledger:
    """A ledger that stores nothing."""

    async def advance(self, *_: object) -> None:
        """Store nothing."""


class Delivery:
    """The reply of one memo.

    Args:
        messenger: to send it by.
        send_seconds: for each attempt.
        resend_unknown: as in the settings.
    """

    def __init__(self, messenger: Messenger, *, send_seconds: float = 5.0, resend_unknown: bool = True) -> None:
        claim, ledger = Claim(MemoKey(MEMO.chat_id, MEMO.message_id), 1, State.SPOKEN, {}), cast("Any", Ledger())
        lease = Lease(ledger, claim, seconds=LEASE_SECONDS, asked_at=monotonic(), clock=monotonic)
        self.progress = Progress(lease, Notices())
        self._deliver = Deliver(messenger, cast("Any", None), send_seconds, resend_unknown)

    async def attempt(self) -> Delivered:
        """Look for the reply of an earlier attempt, else send it, as the pipeline does. Raises ProviderError."""
        found = await self._deliver.find_earlier(MEMO, self.progress)
        return found or await self._deliver(SPOKEN, self.progress)
