"""A worker's batches, while the group and the log change."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from consumer.handling.work import Done
from consumer.kafka.ports import Partition, Rebalance
from consumer.notices import Notices
from consumer.settings import load
from consumer.wiring import make_worker
from consumer.worker.lanes import Lanes
from consumer.worker.worker import Supervision
from storage.ledger import Event, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

P = Partition("memos", 0)
LARGE = 600_000
"""Bytes of an event that is parsed in a thread."""


def event(offset: int, *, size: int = 10) -> Event:
    """A memo, each in a chat of its own."""
    attachment = {"mime_type": "audio/mp4", "data_base64": "A" * size}
    data = {"id": f"m{offset}", "chat_id": str(offset), "from_phone": "+15550100001", "attachments": [attachment]}
    value = json.dumps({"event_type": "message.received", "data": data}).encode()
    return Event(Place(*P, offset), 1_700_000_000.0, None, value)


class _Source:
    """A source of prepared batches, which records commits."""

    def __init__(self, *batches: list[Event]) -> None:
        self.batches = list(batches)
        self.commits: list[Mapping[Partition, int]] = []
        self.rebalance: Rebalance | None = None
        self.at_first: Callable[[Rebalance], object] = lambda _: None
        """Called with the first batch."""
        self.dry = asyncio.Event()

    async def start(self, rebalance: Rebalance) -> None:
        self.rebalance = rebalance
        rebalance.assigned([P])

    async def take(self) -> list[Event]:
        if not self.batches:
            self.dry.set()
            await asyncio.sleep(0.01)
            return []
        if self.rebalance is not None:
            self.at_first(self.rebalance)
            self.rebalance = None
        return self.batches.pop(0)

    def pause(self, partitions: Collection[Partition]) -> None:
        """Pause nothing."""

    def resume(self, partitions: Collection[Partition]) -> None:
        """Resume nothing."""

    def ends(self) -> Mapping[Partition, int]:
        return {}

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        self.commits.append(dict(offsets))

    async def stop(self) -> None:
        """Leave."""


class _Hands:
    """A handler that answers all but some."""

    def __init__(self, *for_ever: int) -> None:
        self.for_ever = for_ever
        self.taken: list[int] = []
        self.ledger = SimpleNamespace(due=self.nothing)

    async def nothing(self, *_: object, **__: object) -> list[object]:
        return []

    async def take(self, event: Event, parsed: object, owned: object) -> Done:
        del parsed, owned
        self.taken.append(event.place.offset)
        if event.place.offset in self.for_ever:
            await asyncio.Event().wait()
        return Done()


async def worked(source: _Source, hands: _Hands, *, until: Callable[[], bool]) -> None:
    """Have a worker take all that there is."""
    log: Any = source
    handler: Any = hands
    worker = make_worker(
        load({"SERIES_API_URL": "http://127.0.0.1:1", "SERIES_API_KEY": "key", "DRAIN_SECONDS": "0"}),
        lambda: log,
        Lanes(concurrency=8, max_jobs=100, max_bytes=10**9),
        Notices(),
        Supervision(),
    )
    stop = asyncio.Event()
    async with worker.membership():
        working = asyncio.create_task(worker.run(handler, stop))
        async with asyncio.timeout(30):  # what is lost never comes
            await source.dry.wait()
            while not until():  # noqa: ASYNC110 (the lanes' own tasks)
                await asyncio.sleep(0)
        stop.set()
        await working


async def test_a_batch_belongs_to_the_assignment_it_was_taken_in() -> None:
    """A partition that goes and comes back while a large event is parsed takes nothing of the old batch with it (I4).

    Else a later event of the batch would be committed over an unfinished one, whose memo would be lost.
    """
    executor, back = ThreadPoolExecutor(1), threading.Event()
    asyncio.get_running_loop().set_default_executor(executor)
    executor.submit(back.wait, 60)  # no event is parsed before the partition is back

    async def rebalance(group: Rebalance) -> None:
        await group.revoked([P])
        group.assigned([P])
        back.set()

    batch = [event(5, size=LARGE), event(6)]
    source, hands = _Source(batch, batch), _Hands(5)
    tasks = []
    source.at_first = lambda group: tasks.append(asyncio.create_task(rebalance(group)))
    await worked(source, hands, until=lambda: {5, 6} <= set(hands.taken))
    await asyncio.gather(*tasks)
    assert source.commits == []


async def test_offsets_that_go_back_are_taken_again() -> None:
    """A log that was cut, or made again, is read from where it begins."""
    source, hands = _Source([event(900), event(901)], [event(0), event(1)], [event(2)]), _Hands(900)
    await worked(source, hands, until=lambda: len(hands.taken) == 5)
    assert hands.taken == [900, 901, 0, 1, 2]
    assert source.commits[-1:] == [{P: 3}]
