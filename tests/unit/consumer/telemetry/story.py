"""One notice of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.notices import (
    EventBuried,
    EventPassed,
    MemoFenced,
    MemoParked,
    MemoReleased,
    MemoSettled,
    MemoTaken,
    OffsetsCommitted,
    PartitionsChanged,
    WorkerChanged,
)
from conversation.notices import RungFailed, RungServed, StageFailed, StageFinished
from storage.ledger import MemoKey

if TYPE_CHECKING:
    from consumer.notices import Notice

KEY = MemoKey("chat-1", "message-1")
STORY: tuple[Notice, ...] = (
    WorkerChanged("polling"),
    MemoTaken(KEY, 1),
    StageFinished(KEY, "fetch", 0.25),
    RungFailed(KEY, "hear", "huggingface", 4.5, "timed-out"),
    StageFinished(KEY, "hear", 6.5, "local"),
    StageFailed(KEY, "keep", 0.5, "ArchiveUnavailable"),
    MemoSettled(KEY, "answered", None, "voice", 4.2),
    MemoTaken(MemoKey("chat-2", "message-2"), 2),
    MemoSettled(MemoKey("chat-2", "message-2"), "failed", "deliver-unreachable", None, 30.0),
    EventBuried("message.received", 3, 41, "deliver-unreachable"),
    EventPassed("echo"),
    OffsetsCommitted(2),
    MemoParked(KEY, "deliver-unavailable", 1.5, 1),
    MemoFenced(KEY, 2),
    PartitionsChanged(4),
    RungServed(KEY, "hear", "local", 2.0, 0.5),
    MemoReleased(KEY, 2, "cancelled"),
)
