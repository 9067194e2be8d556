"""Settings of the worker."""

from __future__ import annotations

from pydantic import Field

from runtime.settings.groups import Group
from runtime.settings.kinds import Language
from storage.ledger import LONGEST_LEASE_SECONDS

_REVOKE_MARGIN_SECONDS = 10.0
"""Time for the commit and for writes during a rebalance."""
_CANCEL_MARGIN_SECONDS = 12.0
"""Time to record the answer, stop typing and give up the lease."""
_STALE_MARGIN_SECONDS = 30.0
_SEND_SHARE = 0.5
"""Share of a lease that a send may take; two thirds are left when it begins."""


class WorkerSettings(Group, title="The worker"):
    """How memos are worked on."""

    default_language: Language = Field("en", description="primary subtag of the language where none is known")
    answer_text_messages: bool = Field(default=False, description="whether text messages are answered, by texts")
    worker_concurrency: int = Field(64, ge=1, le=1024, description="most memos that are worked on at once")
    reply_deadline_seconds: float = Field(
        30.0,
        ge=1,
        le=600,
        description="seconds that a memo may take: fetching, hearing, answering and speaking share them, less 3 for the"
        " send; no send takes longer either",
    )
    drain_seconds: float = Field(
        25.0, ge=0, le=300, description="seconds for memos in flight after a stop; less than a container's grace period"
    )
    retry_for_seconds: float = Field(900.0, ge=0, le=604_800, description="seconds for tries past a memo's deadline")
    lease_seconds: float = Field(
        30.0, ge=3, le=LONGEST_LEASE_SECONDS, description="seconds a silent worker keeps a memo; a send may take half"
    )
    resend_unknown: bool = Field(
        default=True,
        description="a send that may have gone out and is not in the chat: true repeats it (rather twice than never),"
        " false leaves it to a person (rather never than twice)",
    )
    max_memo_bytes: int = Field(26_214_400, ge=1024, le=1_073_741_824, description="bytes; larger ones get an apology")
    max_memo_seconds: float = Field(1800.0, ge=1, le=86_400, description="seconds; longer recordings get an apology")
    ffmpeg: str | None = Field(None, description="path of ffmpeg; the one in imageio-ffmpeg's wheel if not set")

    @property
    def rebalance_timeout_seconds(self) -> float:
        """Time to give up partitions: longer than a drain and a send."""
        return self.drain_seconds + self.cancel_seconds + _REVOKE_MARGIN_SECONDS

    @property
    def stale_after_seconds(self) -> float:
        """Time without a poll after which the worker counts as stuck: longer than a rebalance."""
        return self.rebalance_timeout_seconds + _STALE_MARGIN_SECONDS

    @property
    def send_seconds(self) -> float:
        """Time for one send: less than is left of a lease just before its renewal."""
        return min(self.reply_deadline_seconds, self.lease_seconds * _SEND_SHARE)

    @property
    def cancel_seconds(self) -> float:
        """Time for a cancelled memo, since a send that has begun is finished."""
        return self.send_seconds + _CANCEL_MARGIN_SECONDS
