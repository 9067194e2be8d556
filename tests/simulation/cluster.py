"""A model of Kafka: one topic, one group with the eager protocol, and members given up when they are silent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consumer.kafka.ports import CommitRefused, Partition, SourceError
from storage.ledger import Event, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from consumer.kafka.ports import Rebalance
    from tests.simulation.process import Process

TOPIC = "message.received"
SESSION_SECONDS = 5.0
REBALANCE_SECONDS = 12.0
IDLE_SECONDS = 4.0
_NEW_YEAR_2026 = 1_767_225_600.0


@dataclass
class Log:
    """One partition."""

    records: list[tuple[int, bytes]] = field(default_factory=list)
    committed: int = 0

    @property
    def end(self) -> int:
        """The offset after the last record."""
        return self.records[-1][0] + 1 if self.records else 0


class Cluster:
    """The broker, and the group's coordinator."""

    def __init__(self, partitions: int, on_commit: Callable[[Partition, int], None]) -> None:
        self.logs = {Partition(TOPIC, number): Log() for number in range(partitions)}
        self.members: list[SimulatedSource] = []
        self.generation = 0
        self.rebalances = 0
        self._on_commit = on_commit
        self._rebalancing: asyncio.Task[None] | None = None
        self._wanted = False

    def put(self, partition: Partition, value: bytes, *, gap: int = 0) -> int:
        """Append a record, behind a gap such as transactions and compaction leave; return its offset."""
        log = self.logs[partition]
        offset = log.end + gap
        log.records.append((offset, value))
        for member in self.members:
            member.something.set()
        return offset

    def join(self, member: SimulatedSource) -> None:
        """Take a member in."""
        if member not in self.members:
            self.members.append(member)
        self.rebalance()

    def leave(self, member: SimulatedSource) -> None:
        """Remove a member."""
        if member in self.members:
            self.members.remove(member)
            self.rebalance()

    def rebalance(self) -> None:
        """Deal the partitions out again, soon."""
        self._wanted = True
        if self._rebalancing is None or self._rebalancing.done():
            self._rebalancing = asyncio.ensure_future(self._rebalance())

    async def _rebalance(self) -> None:
        while self._wanted:
            self._wanted = False
            self.rebalances += 1
            late = await self._revoke_all()
            self.members = [each for each in self.members if each not in late and not each.process.stopped]
            self.generation += 1
            for number, member in enumerate(self.members):
                partitions = [each for each in self.logs if each.number % len(self.members) == number]
                member.given(partitions, self.generation)

    async def _revoke_all(self) -> list[SimulatedSource]:
        """Revoke the partitions of all members; return the members that are too late."""
        revoking = {asyncio.ensure_future(member.revoke_all()): member for member in self.members}
        if not revoking:
            return []
        _, late = await asyncio.wait(revoking, timeout=REBALANCE_SECONDS)
        return [revoking[each] for each in late]

    def commit(self, member: SimulatedSource, generation: int, offsets: Mapping[Partition, int]) -> None:
        """Commit, for a member of this generation. Raises CommitRefused."""
        if member not in self.members or generation != self.generation or not member.ours.issuperset(offsets):
            raise CommitRefused("the group has moved on")
        for partition, offset in offsets.items():
            self.logs[partition].committed = offset
            self._on_commit(partition, offset)


class SimulatedSource:
    """A member of the group, as an EventSource."""

    def __init__(self, cluster: Cluster, process: Process) -> None:
        self.process = process
        self.ours: frozenset[Partition] = frozenset()
        self.something = asyncio.Event()
        self._cluster = cluster
        self._generation = -1
        self._rebalance: Rebalance | None = None
        self._positions: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._watching: asyncio.Task[None] | None = None
        self._telling = asyncio.Lock()

    async def start(self, rebalance: Rebalance) -> None:
        """Join the group."""
        self._rebalance = rebalance
        await self.process.deal(lambda: self._cluster.join(self))
        self._watching = asyncio.ensure_future(self._heartbeats())

    async def take(self) -> Sequence[Event]:
        """Return new events, a few at a time."""
        await self.process.step()
        if self not in self._cluster.members:
            await self._rejoin()
        records = self._next()
        if not records:
            self.something.clear()
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    await self.something.wait()
            except TimeoutError:
                return []
            await self.process.step()
            records = self._next()
        return records

    def pause(self, partitions: Collection[Partition]) -> None:
        """Take no more from these."""
        self._paused |= set(partitions)

    def resume(self, partitions: Collection[Partition]) -> None:
        """Take from these again."""
        self._paused -= set(partitions)
        self.something.set()

    def ends(self) -> Mapping[Partition, int]:
        """Return where the logs end."""
        return {each: len(self._cluster.logs[each].records) for each in self.ours}

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit."""
        if not offsets:
            raise AssertionError("a commit without offsets commits everything fetched")
        generation = self._generation
        lost = SourceError("no answer") if self.process.random.random() < 0.02 else None
        await self.process.deal(lambda: self._cluster.commit(self, generation, offsets), lost=lost)

    async def stop(self) -> None:
        """Leave."""
        await self.process.deal(lambda: self._cluster.leave(self))
        if self._watching is not None:
            self._watching.cancel()

    async def revoke_all(self) -> None:
        """Revoke everything; a stopped process answers when it goes on."""
        await self.process.step()
        await self._revoked()

    def given(self, partitions: Collection[Partition], generation: int) -> None:
        """Be given partitions; reading begins at the committed offset."""
        if self._rebalance is None:
            return
        self._generation = generation
        self.ours = frozenset(partitions)
        self._positions = {each: self._cluster.logs[each].committed for each in partitions}
        self._paused.clear()
        self._rebalance.assigned(sorted(self.ours))
        self.something.set()

    def _next(self) -> list[Event]:
        found: list[Event] = []
        for partition in sorted(self.ours - self._paused):
            position = self._positions[partition]
            waiting = [each for each in self._cluster.logs[partition].records if each[0] >= position]
            for offset, value in waiting[: self.process.random.randint(1, 3)]:
                found.append(Event(Place(*partition, offset), _NEW_YEAR_2026, None, value))
                self._positions[partition] = offset + 1
        return found

    async def _revoked(self) -> None:
        """Call the worker, once at a time: as with a real client, nothing is assigned meanwhile."""
        async with self._telling:
            if self._rebalance is not None and self.ours:
                await self._rebalance.revoked(self.ours)
                self.ours = frozenset()

    async def _rejoin(self) -> None:
        """Join again after the group has dropped us."""
        await self._revoked()
        await self.process.deal(lambda: self._cluster.join(self))

    async def _heartbeats(self) -> None:
        """Be given up after a session of silence."""
        silent_seconds = 0.0
        while True:
            await asyncio.sleep(SESSION_SECONDS / 2)
            silent_seconds = silent_seconds + SESSION_SECONDS / 2 if self.process.stopped else 0.0
            if silent_seconds >= SESSION_SECONDS:
                self._cluster.leave(self)
                if self.process.dead:
                    return
