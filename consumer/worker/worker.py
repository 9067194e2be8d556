"""Worker: takes events, puts them into lanes, commits the finished prefix, and stops in order.

Shutdown: take no more → drain the lanes, within DRAIN_SECONDS → cancel the rest → commit → leave the group. A cancelled
memo is released in the ledger for its next holder. A revoke goes the same way. No send is cut off.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from consumer.events.parse import Ignored, TextMessage, VoiceMemo, parse
from consumer.handling.work import Done, received_at
from consumer.kafka.ports import CommitRefused, Partition, Rebalance, SourceError, partition_of
from consumer.notices import EventPassed, OffsetsCommitted, PartitionsChanged, WorkerChanged
from consumer.worker.lanes import Abandoned
from consumer.worker.offsets import PrefixTracker
from consumer.worker.parked import ParkedMemos
from runtime.background import BackgroundTasks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection

    from consumer.handling.handler import Handler
    from consumer.handling.work import Answerable, Outcome
    from consumer.kafka.ports import EventSource
    from consumer.notices import Notices
    from consumer.worker.lanes import Lanes
    from storage.ledger import Event

_COMMIT_SECONDS = 1.0
_LARGE_BYTES = 512 * 1024
"""Larger events are parsed in a thread: 20 MB would block the loop for 50 ms."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Supervision:
    """Callbacks and events between a process and its worker."""

    beat: Callable[[], None] = lambda: None  # called after each poll that returned
    check: Callable[[], None] = lambda: None  # called with each poll, to raise a background failure
    hurry: asyncio.Event = field(default_factory=asyncio.Event)  # once set, drains wait for sends only
    rebuild: asyncio.Event = field(default_factory=asyncio.Event)  # once set, the source is replaced at the next poll


class Worker:
    """One member of the consumer group: `async with worker.membership(): await worker.run(handler, stop)`."""

    def __init__(
        self,
        *,
        new_source: Callable[[], EventSource],
        lanes: Lanes,
        notices: Notices,
        supervision: Supervision,
        our_numbers: Collection[str],
        answers_texts: bool,
        drain_seconds: float,  # for memos in flight after a stop
        cancel_seconds: float,  # for a cancelled memo; longer than a send
    ) -> None:
        self._new_source = new_source
        self._source = new_source()
        self._lanes = lanes
        self._notices = notices
        self._supervision = supervision
        self._our_numbers = our_numbers
        self._answers_texts = answers_texts
        self._drain_seconds = drain_seconds
        self._cancel_seconds = cancel_seconds
        self._offsets = PrefixTracker()
        self._background = BackgroundTasks()
        self._assigned: set[Partition] = set()
        self._paused = False
        self._parking = ParkedMemos(lanes, self._assigned, self._ownership)
        self._rebalance = Rebalance(self._revoked, self._partitions_assigned)
        self._revoking = asyncio.Lock()

    def lag(self) -> dict[Partition, int]:
        """Return the unfinished events of each of our partitions, as of the latest fetch."""
        return self._offsets.behind(self._source.ends())

    @asynccontextmanager
    async def membership(self) -> AsyncIterator[None]:
        """Join the group; at the end drain, commit and leave it. Raises SourceError, Abandoned."""
        self._notices(WorkerChanged("joining"))
        await self._source.start(self._rebalance)
        try:
            yield
        except Abandoned:  # it might still send: nothing is waited for
            raise
        except BaseException:
            await self._leave()
            raise
        await self._leave()
        self._lanes.raise_failure()

    async def run(self, handler: Handler, stop: asyncio.Event) -> None:
        """Take events until `stop` is set. Raises SourceError, TooManyBugs, Abandoned."""
        self._notices(WorkerChanged("polling"))
        self._background.start("commit", self._commit_regularly)
        self._background.start("parking", partial(self._parking.run, handler))
        while not stop.is_set():
            if self._supervision.rebuild.is_set():
                await self._replace_source()
            events = await self._source.take()
            if events is not None:
                self._supervision.beat()
                await self._accept_all(handler, events)
            self._pause_or_resume()
            # A worker with half of its parts must not look healthy.
            self._lanes.raise_failure()
            self._supervision.check()
            self._background.raise_failure()

    async def _replace_source(self) -> None:
        self._supervision.rebuild.clear()
        log.warning("source.rebuilt")
        await self._revoked(tuple(self._assigned))
        self._supervision.beat()  # what follows is bounded, and the watchdog is to wait for it
        await self._source.stop()
        self._source = self._new_source()
        await self._source.start(self._rebalance)
        self._supervision.beat()

    async def _accept_all(self, handler: Handler, events: Collection[Event]) -> None:
        # As of now: parsing one of them may take so long that its partition goes and comes back meanwhile.
        owned = {partition: self._ownership(partition) for partition in map(partition_of, events)}
        for event in events:
            await self._accept(handler, event, owned[partition_of(event)])

    async def _accept(self, handler: Handler, event: Event, owned: Callable[[], bool]) -> None:
        partition, size = partition_of(event), len(event.value or b"")
        reception = self._receive(event) if partition in self._assigned and owned() else None
        if reception is None:
            return
        read = partial(parse, event.value, received_at=received_at(event), our_numbers=self._our_numbers)
        parsed = await asyncio.to_thread(read) if size > _LARGE_BYTES else read()
        if partition not in self._assigned or not owned():
            return
        finish = partial(self._offsets.mark_finished, partition, event.place.offset, reception)
        if isinstance(parsed, TextMessage) and not self._answers_texts:
            parsed = Ignored("text-message")
        if isinstance(parsed, Ignored):
            self._notices(EventPassed(parsed.reason))
            finish()
        else:
            handle = partial(self._handle, handler, event, parsed, owned, finish)
            self._lanes.submit(_lane(parsed, partition), handle, size=size, tag=partition)

    def _receive(self, event: Event) -> int | None:
        # A repeated event is handled again: the ledger knows what was answered.
        partition, offset = partition_of(event), event.place.offset
        if self._offsets.goes_back(partition, offset):
            log.warning("offsets.went_back", extra=asdict(event.place))
        return self._offsets.mark_received(partition, offset)

    def _ownership(self, partition: Partition) -> Callable[[], bool]:
        """Return a check that this assignment of a partition is still ours."""
        epoch = self._offsets.epoch(partition)
        return lambda: self._offsets.epoch(partition) == epoch

    async def _handle(
        self, handler: Handler, event: Event, parsed: Answerable, owned: Callable[[], bool], finish: Callable[[], None]
    ) -> Outcome:
        if not owned():  # the partition's next owner takes it
            return Done()
        outcome = await handler.take(event, parsed, owned)
        if isinstance(outcome, Done):
            finish()
        return outcome

    def _pause_or_resume(self) -> None:
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
        offsets = self._offsets.committable()
        if not offsets:
            return
        try:
            await self._source.commit(offsets)
        except CommitRefused:  # what is not committed comes again, and the ledger knows it
            log.info("commit.refused")
        except SourceError:
            log.warning("commit.failed")
        else:
            self._offsets.mark_committed(offsets)
            self._notices(OffsetsCommitted(len(offsets)))

    def _partitions_assigned(self, partitions: Collection[Partition]) -> None:
        for partition in partitions:
            self._offsets.assign(partition)
        self._assigned.update(partitions)
        self._paused = False
        self._notices(PartitionsChanged(len(self._assigned)))

    async def _revoked(self, partitions: Collection[Partition]) -> None:
        async with self._revoking:  # a rebuild may begin while a rebalance is stuck
            self._assigned.difference_update(partitions)
            self._lanes.stop(partitions)
            await self._drain(partitions)
            await self._commit()
            for partition in partitions:
                self._offsets.revoke(partition)
            await self._lanes.cancel(partitions, seconds=self._cancel_seconds)
            self._parking.forget()
            self._notices(PartitionsChanged(len(self._assigned)))

    async def _leave(self) -> None:
        self._notices(WorkerChanged("draining"))
        self._lanes.stop()
        if not await self._drain():
            log.warning("drain.cut_short")
        await self._lanes.cancel(seconds=self._cancel_seconds)
        await self._background.close()
        await self._commit()
        await self._source.stop()
        self._notices(WorkerChanged("stopped"))

    async def _drain(self, partitions: Collection[Partition] | None = None) -> bool:
        """Return whether all running jobs ended before the drain time was over or `hurry` was set."""
        draining = asyncio.ensure_future(self._lanes.drain(self._drain_seconds, partitions))
        hurrying = asyncio.ensure_future(self._supervision.hurry.wait())
        try:
            await asyncio.wait({draining, hurrying}, return_when=asyncio.FIRST_COMPLETED)
            return draining.done() and draining.result()
        finally:
            draining.cancel()
            hurrying.cancel()
            await asyncio.gather(draining, hurrying, return_exceptions=True)


def _lane(parsed: Answerable, partition: Partition) -> tuple[str, str]:
    chat_id = parsed.memo.chat_id if isinstance(parsed, VoiceMemo) else parsed.chat_id
    return ("chat", chat_id) if chat_id is not None else ("partition", f"{partition.topic}-{partition.number}")
