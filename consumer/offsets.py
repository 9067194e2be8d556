"""PrefixTracker: the finished prefix of each partition, and nothing beyond it, may be committed (I4). Pure.

Only offsets that were *received* count: what transactions and compaction leave out is jumped, not waited for. Each
time a partition comes or goes its epoch grows, for as long as the process lives; what an earlier epoch finishes is
dropped.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.source import Partition


class _Prefix:
    """One partition, during one assignment."""

    def __init__(self) -> None:
        self.waiting: deque[int] = deque()
        """Received and not yet part of the prefix, in order."""
        self.unfinished: set[int] = set()
        self.last_received = -1
        self.begun = False
        """Whether anything is part of the prefix yet."""
        self.committed = -1

    @property
    def reached(self) -> int | None:
        """The lowest offset that is not finished; None before anything was received."""
        if self.waiting:
            return self.waiting[0]
        return self.last_received + 1 if self.last_received >= 0 else None

    @property
    def next(self) -> int | None:
        """The offset to read next, were we to die now: the lowest unfinished one; None before the prefix has begun."""
        if not self.begun:
            return None
        return self.waiting[0] if self.waiting else self.last_received + 1

    def receive(self, offset: int) -> bool:
        if offset <= self.last_received:
            return False
        self.last_received = offset
        self.waiting.append(offset)
        self.unfinished.add(offset)
        return True

    def finish(self, offset: int) -> None:
        self.unfinished.discard(offset)
        while self.waiting and self.waiting[0] not in self.unfinished:
            self.waiting.popleft()
            self.begun = True


class PrefixTracker:
    """Knows, for each partition that is ours, how far everything is finished."""

    def __init__(self) -> None:
        self._prefixes: dict[Partition, _Prefix] = {}
        self._epochs: Counter[Partition] = Counter()

    def assign(self, partition: Partition) -> None:
        """Begin anew with a partition; its epoch grows."""
        self._epochs[partition] += 1
        self._prefixes[partition] = _Prefix()

    def revoke(self, partition: Partition) -> None:
        """Forget a partition; its epoch grows, so that whatever still runs can no longer finish anything."""
        self._epochs[partition] += 1
        self._prefixes.pop(partition, None)

    def epoch(self, partition: Partition) -> int:
        """How often this partition has come and gone; never less than before."""
        return self._epochs[partition]

    def received(self, partition: Partition, offset: int) -> bool:
        """Note an offset as received; False when it is not ours, or was received before in this assignment."""
        prefix = self._prefixes.get(partition)
        return prefix is not None and prefix.receive(offset)

    def finished(self, partition: Partition, offset: int, epoch: int) -> None:
        """Note an offset as finished; dropped when its epoch has passed."""
        prefix = self._prefixes.get(partition)
        if prefix is not None and epoch == self._epochs[partition]:
            prefix.finish(offset)

    def in_flight(self, partition: Partition) -> int:
        """How many received offsets are not finished."""
        prefix = self._prefixes.get(partition)
        return len(prefix.unfinished) if prefix else 0

    def behind(self, ends: Mapping[Partition, int]) -> dict[Partition, int]:
        """Say how many events of each partition of ours are not finished.

        Args:
            ends: the offset after the last event of each. Where nothing was received, nothing is taken to be there.
        """
        return {
            partition: max(0, ends[partition] - reached) if (reached := prefix.reached) is not None else 0
            for partition, prefix in self._prefixes.items()
            if partition in ends
        }

    def committable(self) -> dict[Partition, int]:
        """Give the next offset to read of each partition where that moved since it was last committed."""
        return {
            partition: offset
            for partition, prefix in self._prefixes.items()
            if (offset := prefix.next) is not None and offset > prefix.committed
        }

    def committed(self, offsets: Mapping[Partition, int]) -> None:
        """Note what was committed."""
        for partition, offset in offsets.items():
            prefix = self._prefixes.get(partition)
            if prefix is not None:
                prefix.committed = max(prefix.committed, offset)
