"""PrefixTracker: only the finished prefix of a partition may be committed (I4). Pure.

Gaps of transactions and compaction are skipped. Of several receptions of an offset only the last one can finish it.
Offsets go back when a log was truncated, or its topic was created again.
"""

from __future__ import annotations

from collections import Counter, deque
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.kafka.ports import Partition


class _Prefix:
    def __init__(self) -> None:
        self.waiting: deque[int] = deque()  # received and not yet part of the prefix, in order
        self.unfinished: dict[int, int] = {}  # offset → number of its last reception
        self.last_received = -1
        self.begun = False  # whether the prefix has anything in it
        self.committed = -1

    @property
    def reached(self) -> int | None:
        """The first unfinished offset; None before any was received."""
        if self.waiting:
            return self.waiting[0]
        return self.last_received + 1 if self.last_received >= 0 else None

    @property
    def next(self) -> int | None:
        """The offset to commit."""
        return self.reached if self.begun else None

    def receive(self, offset: int, reception: int) -> None:
        if offset <= self.last_received:
            self._go_back(offset)
        self.last_received = offset
        self.waiting.append(offset)
        self.unfinished[offset] = reception

    def _go_back(self, offset: int) -> None:
        # All from here on is received again.
        while self.waiting and self.waiting[-1] >= offset:
            self.unfinished.pop(self.waiting.pop(), None)
        self.committed = -1

    def finish(self, offset: int, reception: int) -> None:
        if self.unfinished.get(offset) != reception:
            return
        del self.unfinished[offset]
        while self.waiting and self.waiting[0] not in self.unfinished:
            self.waiting.popleft()
            self.begun = True


class PrefixTracker:
    """Tracks the finished prefix of each of our partitions."""

    def __init__(self) -> None:
        self._prefixes: dict[Partition, _Prefix] = {}
        self._epochs: Counter[Partition] = Counter()
        self._receptions = count()

    def assign(self, partition: Partition) -> None:
        """Begin a new assignment of a partition."""
        self._epochs[partition] += 1
        self._prefixes[partition] = _Prefix()

    def revoke(self, partition: Partition) -> None:
        """Forget a partition."""
        self._epochs[partition] += 1
        self._prefixes.pop(partition, None)

    def epoch(self, partition: Partition) -> int:
        """Return a number that grows with each assign() and revoke()."""
        return self._epochs[partition]

    def goes_back(self, partition: Partition, offset: int) -> bool:
        """Return whether this offset or a higher one was received in this assignment."""
        prefix = self._prefixes.get(partition)
        return prefix is not None and offset <= prefix.last_received

    def mark_received(self, partition: Partition, offset: int) -> int | None:
        """Note a received offset; return the reception's number, or None if the partition is not ours."""
        prefix = self._prefixes.get(partition)
        if prefix is None:
            return None
        reception = next(self._receptions)
        prefix.receive(offset, reception)
        return reception

    def mark_finished(self, partition: Partition, offset: int, reception: int) -> None:
        """Note a finished offset, unless it was received again since or its partition is gone."""
        prefix = self._prefixes.get(partition)
        if prefix is not None:
            prefix.finish(offset, reception)

    def behind(self, ends: Mapping[Partition, int]) -> dict[Partition, int]:
        """Return the unfinished events of each of our partitions, given its end."""
        return {
            partition: max(0, ends[partition] - reached) if (reached := prefix.reached) is not None else 0
            for partition, prefix in self._prefixes.items()
            if partition in ends
        }

    def committable(self) -> dict[Partition, int]:
        """Return the offset to commit of each partition where it has moved."""
        return {
            partition: offset
            for partition, prefix in self._prefixes.items()
            if (offset := prefix.next) is not None and offset > prefix.committed
        }

    def mark_committed(self, offsets: Mapping[Partition, int]) -> None:
        """Note committed offsets."""
        for partition, offset in offsets.items():
            prefix = self._prefixes.get(partition)
            if prefix is not None:
                prefix.committed = max(prefix.committed, offset)
