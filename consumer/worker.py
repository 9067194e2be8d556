"""Worker: takes events, hands them to lanes, commits the finished prefix, and stops in order.

Shutdown, in this order: take no more → let the lanes finish, within DRAIN_SECONDS → cancel the rest → commit → leave
the group. What was cancelled is released in the ledger, and the next holder begins with it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from consumer.events import Ignored, TextMessage, Unreadable, VoiceMemo, parse
from consumer.notices import EventPassed, OffsetsCommitted, WorkerChanged
from consumer.source import CommitRefused, Partition, Rebalance, Record, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from consumer.handler import Handler
    from consumer.lanes import Lanes
    from consumer.notices import Notices
    from consumer.offsets import PrefixTracker
    from consumer.source import EventSource

_COMMIT_SECONDS = 1.0

log = logging.getLogger(__name__)


class Worker:
    """One member of the consumer group.

    Args:
        source: where events come from.
        handler: brings an event to its end; a future, for its parts load while the group is joined.
        lanes: one per chat.
        offsets: the finished prefix of each partition.
        notices: who is told.
        our_numbers: whose messages are echoes.
        drain_seconds: how long memos in flight may go on after a stop was asked for, in seconds.
        beat: called after each poll.
    """

    def __init__(
        self,
        *,
        source: EventSource,
        handler: asyncio.Future[Handler],
        lanes: Lanes,
        offsets: PrefixTracker,
        notices: Notices,
        our_numbers: Collection[str],
        drain_seconds: float,
        beat: Callable[[], None],
    ) -> None:
        self._source = source
        self._handler = handler
        self._lanes = lanes
        self._offsets = offsets
        self._notices = notices
        self._our_numbers = our_numbers
        self._drain_seconds = drain_seconds
        self._beat = beat
        self._assigned: set[Partition] = set()
        self._paused = False

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then drain and leave.

        Raises:
            SourceError: the source cannot be had.
            TooManyBugs: too many memos met a bug.
        """
        self._notices(WorkerChanged("joining"))
        await self._source.start(Rebalance(self._revoked, self._partitions_assigned))
        self._notices(WorkerChanged("polling"))
        committing = asyncio.create_task(self._commit_regularly(), name="commit")
        try:
            await self._poll(stop)
        finally:
            await self._leave(committing)

    async def _poll(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            for record in await self._source.take():
                self._accept(record)
            self._beat()
            self._make_room()
            self._lanes.raise_failure()

    def _accept(self, record: Record) -> None:
        """Pass an event that needs no work at once; put any other into its chat's lane."""
        partition = record.partition
        if not self._offsets.received(partition, record.offset):
            return
        epoch = self._offsets.epoch(partition)
        event = parse(record.value, received_at=record.at, our_numbers=self._our_numbers)
        match event:
            case Ignored(reason):
                self._pass(record, epoch, reason)
            case TextMessage():
                self._pass(record, epoch, "text-message")
            case VoiceMemo() | Unreadable():
                lane = _lane(event, partition)
                size = len(record.value or b"")
                self._lanes.submit(lane, lambda: self._handle(record, epoch, event), size=size, tag=partition)

    def _pass(self, record: Record, epoch: int, reason: str) -> None:
        self._notices(EventPassed(reason))
        self._offsets.finished(record.partition, record.offset, epoch)

    async def _handle(self, record: Record, epoch: int, event: VoiceMemo | Unreadable) -> None:
        handler = await asyncio.shield(self._handler)
        await handler(record, event)
        self._offsets.finished(record.partition, record.offset, epoch)

    def _make_room(self) -> None:
        """Pause all partitions while the lanes are full, and resume them when they are not."""
        if self._lanes.full and not self._paused:
            self._source.pause(self._assigned)
            self._paused = True
        elif self._paused and not self._lanes.full:
            self._source.resume(self._assigned)
            self._paused = False

    async def _commit_regularly(self) -> None:
        while True:
            await asyncio.sleep(_COMMIT_SECONDS)
            await self._commit()

    async def _commit(self) -> None:
        """Commit the finished prefix; what is refused or lost comes again, and the ledger knows it."""
        offsets = self._offsets.committable()
        if not offsets:
            return
        try:
            await self._source.commit(offsets)
        except CommitRefused:
            log.info("commit.refused")
        except SourceError:
            log.warning("commit.failed")
        else:
            self._offsets.committed(offsets)
            self._notices(OffsetsCommitted(len(offsets)))

    def _partitions_assigned(self, partitions: Collection[Partition]) -> None:
        for partition in partitions:
            self._offsets.assign(partition)
        self._assigned.update(partitions)
        self._paused = False

    async def _revoked(self, partitions: Collection[Partition]) -> None:
        """Start nothing more of these, let what runs finish within the drain time, commit, forget."""
        self._lanes.stop(partitions)
        await self._lanes.drain(self._drain_seconds, partitions)
        await self._commit()
        for partition in partitions:
            self._offsets.revoke(partition)
        await self._lanes.cancel(partitions)
        self._assigned.difference_update(partitions)

    async def _leave(self, committing: asyncio.Task[None]) -> None:
        self._notices(WorkerChanged("draining"))
        self._lanes.stop()
        if not await self._lanes.drain(self._drain_seconds):
            log.warning("drain.cut_short")
        await self._lanes.cancel()
        committing.cancel()
        await asyncio.gather(committing, return_exceptions=True)
        await self._commit()
        await self._source.stop()
        self._notices(WorkerChanged("stopped"))


def _lane(event: VoiceMemo | Unreadable, partition: Partition) -> tuple[str, str]:
    """Name the lane: the chat, or the partition where no chat is known."""
    chat_id = event.memo.chat_id if isinstance(event, VoiceMemo) else event.chat_id
    return ("chat", chat_id) if chat_id is not None else ("partition", f"{partition.topic}-{partition.number}")
