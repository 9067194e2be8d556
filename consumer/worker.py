"""Worker: takes events, hands them to lanes, commits the finished prefix, and stops in order.

Shutdown, in this order: take no more → let the lanes finish, within DRAIN_SECONDS → cancel the rest → commit → leave
the group. What was cancelled is released in the ledger, and the next holder goes on with it. A revoke goes the same way
with the partitions that it takes: what is being sent is waited for, never cut off.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from consumer.events import Ignored, TextMessage, Unreadable, VoiceMemo, parse
from consumer.lanes import Abandoned
from consumer.notices import EventPassed, OffsetsCommitted, PartitionsChanged, WorkerChanged
from consumer.parking import Parking
from consumer.source import CommitRefused, Partition, Rebalance, Record, SourceError
from storage.ledger import Event, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from consumer.handler import Handler
    from consumer.lanes import Lanes
    from consumer.notices import Notices
    from consumer.offsets import PrefixTracker
    from consumer.source import EventSource

_COMMIT_SECONDS = 1.0
_LARGE_BYTES = 512 * 1024
"""What is larger is parsed in a thread: 20 MB hold the loop for 50 ms."""

log = logging.getLogger(__name__)


class Worker:
    """One member of the consumer group.

    Args:
        new_source: makes a member of the group; asked once, and again for each rebuild().
        handler: brings an event to its end; a future, for its parts load while the group is joined.
        lanes: one per chat.
        offsets: the finished prefix of each partition.
        notices: who is told.
        our_numbers: whose messages are echoes.
        answers_texts: whether text messages are answered too; else they are passed.
        drain_seconds: how long memos in flight may go on after a stop was asked for, in seconds.
        let_go_seconds: how long a memo may go on after it was cancelled, in seconds: longer than a send.
        beat: called after each poll that came back.
        check: called with each poll; raises what ails the parts that run beside.
    """

    def __init__(
        self,
        *,
        new_source: Callable[[], EventSource],
        handler: asyncio.Future[Handler],
        lanes: Lanes,
        offsets: PrefixTracker,
        notices: Notices,
        our_numbers: Collection[str],
        drain_seconds: float,
        let_go_seconds: float,
        beat: Callable[[], None],
        check: Callable[[], None],
        answers_texts: bool = False,
    ) -> None:
        self._new_source = new_source
        self._source = new_source()
        self._handler = handler
        self._lanes = lanes
        self._offsets = offsets
        self._notices = notices
        self._our_numbers = our_numbers
        self._answers_texts = answers_texts
        self._drain_seconds = drain_seconds
        self._let_go_seconds = let_go_seconds
        self._beat = beat
        self._check = check
        self._beside: list[asyncio.Task[None]] = []
        self._assigned: set[Partition] = set()
        self._paused = False
        self._rebuilding = False
        self._parking = Parking(handler, lanes, self._assigned, self._ownership)
        self._hurry = asyncio.Event()
        self._letting_go = asyncio.Lock()

    @property
    def lag(self) -> dict[Partition, int]:
        """How many events of each of our partitions are not finished, as far as Kafka has told."""
        return self._offsets.behind(self._source.ends())

    def rebuild(self) -> None:
        """Have the member of the group replaced by a new one at the next poll: it seems to be stuck."""
        self._rebuilding = True

    def hurry(self) -> None:
        """Have a drain that is under way, or to come, wait for nothing but sends."""
        self._hurry.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then drain and leave.

        Raises:
            SourceError: the source cannot be had.
            TooManyBugs: too many memos met a bug.
            Abandoned: a memo could not be ended: the process has to end, or it might still send.
        """
        self._notices(WorkerChanged("joining"))
        await self._join()
        self._notices(WorkerChanged("polling"))
        self._beside = [
            asyncio.create_task(self._commit_regularly(), name="commit"),
            asyncio.create_task(self._parking.run(), name="parking"),
        ]
        try:
            await self._poll(stop)
        except Abandoned:  # it might still send: nothing is waited for
            raise
        except BaseException:
            await self._leave()
            raise
        await self._leave()
        self._lanes.raise_failure()

    async def _join(self) -> None:
        await self._source.start(Rebalance(self._revoked, self._partitions_assigned))

    async def _poll(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if self._rebuilding:
                await self._rebuild()
            records = await self._source.take()
            if records is not None:
                self._beat()
            # Of now: parsing one of them may take so long that its partition goes and comes back meanwhile.
            owned = {partition: self._ownership(partition) for partition in {each.partition for each in records or ()}}
            for record in records or ():
                await self._accept(record, owned[record.partition])
            self._make_room()
            self._raise_failures()

    def _raise_failures(self) -> None:
        """Raise what ended a task that should go on: a worker with half of its parts must not look well."""
        self._lanes.raise_failure()
        self._check()
        tasks: list[asyncio.Future[Handler] | asyncio.Task[None]] = [self._handler, *self._beside]
        for task in tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _rebuild(self) -> None:
        self._rebuilding = False
        log.warning("source.rebuilt")
        await self._revoked(tuple(self._assigned))
        self._beat()  # what follows is bounded, and the watchdog is to wait for it
        await self._source.stop()
        self._source = self._new_source()
        await self._join()
        self._beat()

    async def _accept(self, record: Record, owned: Callable[[], bool]) -> None:
        """Pass an event that needs no work at once; put any other into its chat's lane."""
        partition = record.partition
        reception = self._received(record) if partition in self._assigned and owned() else None
        if reception is None:
            return
        size = len(record.value or b"")
        read = partial(parse, record.value, received_at=record.at, our_numbers=self._our_numbers)
        event = await asyncio.to_thread(read) if size > _LARGE_BYTES else read()
        if partition not in self._assigned or not owned():
            return
        match event:
            case Ignored(reason):
                self._pass(record, reception, reason)
            case TextMessage() if not self._answers_texts:
                self._pass(record, reception, "text-message")
            case VoiceMemo() | TextMessage() | Unreadable():
                handle = partial(self._handle, record, reception, event, owned)
                self._lanes.submit(_lane(event, partition), handle, size=size, tag=partition)

    def _received(self, record: Record) -> int | None:
        """Note a record as received. What comes again is handled again: the ledger knows what was answered."""
        partition, offset = record.partition, record.offset
        if self._offsets.goes_back(partition, offset):
            log.warning(
                "offsets.went_back", extra={"topic": partition.topic, "partition": partition.number, "offset": offset}
            )
        return self._offsets.received(partition, offset)

    def _ownership(self, partition: Partition) -> Callable[[], bool]:
        """Give what says whether a partition is still ours, in the assignment of now."""
        epoch = self._offsets.epoch(partition)
        return lambda: self._offsets.epoch(partition) == epoch

    def _pass(self, record: Record, reception: int, reason: str) -> None:
        self._notices(EventPassed(reason))
        self._offsets.finished(record.partition, record.offset, reception)

    async def _handle(
        self, record: Record, reception: int, event: VoiceMemo | TextMessage | Unreadable, owned: Callable[[], bool]
    ) -> float | None:
        handler = await asyncio.shield(self._handler)
        if not owned():  # it comes again, to whoever has the partition now
            return None
        again = await handler.take(_event(record), event, owned)
        if again is None:
            self._offsets.finished(record.partition, record.offset, reception)
        return again

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
        self._notices(PartitionsChanged(len(self._assigned)))

    async def _revoked(self, partitions: Collection[Partition]) -> None:
        async with self._letting_go:  # a rebuild may come upon a rebalance that is stuck
            await self._let_go(partitions)

    async def _let_go(self, partitions: Collection[Partition]) -> None:
        """Start nothing more of these, let what runs finish within the drain time, commit, forget, cancel the rest."""
        self._assigned.difference_update(partitions)
        self._lanes.stop(partitions)
        await self._drain(partitions)
        await self._commit()
        for partition in partitions:
            self._offsets.revoke(partition)
        await self._lanes.cancel(partitions, seconds=self._let_go_seconds)
        self._parking.forget()
        self._notices(PartitionsChanged(len(self._assigned)))

    async def _leave(self) -> None:
        self._notices(WorkerChanged("draining"))
        self._lanes.stop()
        if not await self._drain():
            log.warning("drain.cut_short")
        await self._lanes.cancel(seconds=self._let_go_seconds)
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        await self._commit()
        await self._source.stop()
        self._notices(WorkerChanged("stopped"))

    async def _drain(self, partitions: Collection[Partition] | None = None) -> bool:
        """Wait for what runs, for the drain time at most, or until somebody is in a hurry."""
        draining = asyncio.ensure_future(self._lanes.drain(self._drain_seconds, partitions))
        hurrying = asyncio.ensure_future(self._hurry.wait())
        try:
            await asyncio.wait({draining, hurrying}, return_when=asyncio.FIRST_COMPLETED)
            return draining.done() and draining.result()
        finally:
            draining.cancel()
            hurrying.cancel()
            await asyncio.gather(draining, hurrying, return_exceptions=True)


def _lane(event: VoiceMemo | TextMessage | Unreadable, partition: Partition) -> tuple[str, str]:
    """Name the lane: the chat, or the partition where no chat is known."""
    chat_id = event.memo.chat_id if isinstance(event, VoiceMemo) else event.chat_id
    return ("chat", chat_id) if chat_id is not None else ("partition", f"{partition.topic}-{partition.number}")


def _event(record: Record) -> Event:
    place = Place(*record.partition, record.offset)
    return Event(place, record.at.timestamp(), record.key, record.value, record.headers)
