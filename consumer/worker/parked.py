"""Parked memos of our partitions, put into their chats' lanes when they are due."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from consumer.handling.work import Done
from consumer.kafka.ports import Partition
from storage.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from consumer.handling.handler import Handler
    from consumer.handling.work import Outcome
    from consumer.worker.lanes import Lanes
    from storage.ledger import MemoKey

_DUE_SECONDS = 1.0
_MAX_DUE = 8
"""Memos taken up at once; each may bring an event of 35 MB."""

log = logging.getLogger(__name__)


class ParkedMemos:
    """Polls the ledger for memos of the assigned partitions that are due."""

    def __init__(
        self,
        lanes: Lanes,
        assigned: Collection[Partition],
        ownership: Callable[[Partition], Callable[[], bool]],
    ) -> None:
        self._lanes = lanes
        self._assigned = assigned
        self._ownership = ownership
        self._taken: set[MemoKey] = set()  # those in a lane

    async def run(self, handler: Handler) -> None:
        """Poll until cancelled, also while the store is away."""
        while True:
            await asyncio.sleep(_DUE_SECONDS)
            try:
                await self._take_up(handler)
            except StoreUnavailable as away:
                log.warning("ledger.away", extra={"error": str(away)})

    def forget(self) -> None:
        """Forget which memos are in lanes, since the lanes have been emptied."""
        self._taken.clear()

    async def _take_up(self, handler: Handler) -> None:
        for topic in {partition.topic for partition in self._assigned}:
            numbers = [partition.number for partition in self._assigned if partition.topic == topic]
            # Those that wait in a lane are due as well, and must not hide the others.
            for key, place in await handler.ledger.due(topic, numbers, limit=_MAX_DUE + len(self._taken)):
                partition = Partition(place.topic, place.partition)
                if partition in self._assigned and key not in self._taken and not self._lanes.full:
                    self._taken.add(key)
                    again = partial(self._try_again, handler, key, self._ownership(partition))
                    self._lanes.submit(("chat", key.chat_id), again, tag=partition)

    async def _try_again(self, handler: Handler, key: MemoKey, owned: Callable[[], bool]) -> Outcome:
        try:
            return await handler.retry_parked(key, owned) if owned() else Done()
        finally:
            self._taken.discard(key)
