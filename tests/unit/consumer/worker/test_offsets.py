"""The finished prefix, against a model that computes it afresh each time."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, consumes, invariant, multiple, rule

from consumer.kafka.ports import Partition
from consumer.worker.offsets import PrefixTracker

FIRST = Partition("memos", 0)
SECOND = Partition("memos", 1)
partitions = st.sampled_from([FIRST, SECOND])


class _Tracked(PrefixTracker):
    """A tracker that knows which reception of an offset was the last."""

    def __init__(self) -> None:
        super().__init__()
        self.last: dict[tuple[Partition, int], int] = {}

    def mark_received(self, partition: Partition, offset: int) -> int | None:
        reception = super().mark_received(partition, offset)
        if reception is not None:
            self.last[partition, offset] = reception
        return reception


def _tracker(*offsets: int) -> _Tracked:
    """A tracker that has received these offsets of the first partition."""
    tracker = _Tracked()
    tracker.assign(FIRST)
    for offset in offsets:
        assert tracker.mark_received(FIRST, offset) is not None
    return tracker


def _unfinished(tracker: PrefixTracker, partition: Partition) -> int:
    prefix = tracker._prefixes.get(partition)
    return len(prefix.unfinished) if prefix else 0


def _finish(tracker: _Tracked, *offsets: int) -> None:
    for offset in offsets:
        tracker.mark_finished(FIRST, offset, tracker.last[FIRST, offset])


def test_only_the_finished_prefix_may_be_committed() -> None:
    """What is finished behind something unfinished waits for it."""
    tracker = _tracker(5, 6, 7)
    _finish(tracker, 6, 7)
    assert tracker.committable() == {}
    _finish(tracker, 5)
    assert tracker.committable() == {FIRST: 8}


def test_gaps_are_jumped() -> None:
    """Offsets that Kafka never delivers, of transactions and compaction, are not waited for."""
    tracker = _tracker(0, 1, 3, 9)
    _finish(tracker, 0, 1)
    assert tracker.committable() == {FIRST: 3}
    _finish(tracker, 3, 9)
    assert tracker.committable() == {FIRST: 10}


def test_a_gap_is_jumped_once_it_is_known() -> None:
    """A gap right behind the prefix is passed as soon as something from beyond it has come."""
    tracker = _tracker(0)
    _finish(tracker, 0)
    assert tracker.committable() == {FIRST: 1}
    assert tracker.mark_received(FIRST, 4) is not None
    assert tracker.committable() == {FIRST: 4}


def test_a_commit_is_due_only_where_something_moved() -> None:
    """What is due stays due until it was committed, and then nothing is until more of the prefix is finished."""
    tracker = _tracker(0, 1)
    _finish(tracker, 0)
    assert tracker.committable() == tracker.committable() == {FIRST: 1}
    tracker.mark_committed({FIRST: 1})
    assert tracker.committable() == {}
    _finish(tracker, 1)
    assert tracker.committable() == {FIRST: 2}


def test_a_commit_that_arrives_late_takes_nothing_back() -> None:
    """Of two commits under way the further one counts, whichever arrives last."""
    tracker = _tracker(0, 1)
    _finish(tracker, 0, 1)
    tracker.mark_committed({FIRST: 2})
    tracker.mark_committed({FIRST: 1})
    assert tracker.committable() == {}


def test_offsets_that_go_back_come_again() -> None:
    """Where the position was reset all is waited for again from there on, and may be committed again."""
    tracker = _tracker(7, 8, 9)
    _finish(tracker, 7, 8, 9)
    tracker.mark_committed(tracker.committable())
    assert not tracker.goes_back(FIRST, 10)
    assert tracker.goes_back(FIRST, 9)
    assert tracker.mark_received(FIRST, 2) is not None
    assert _unfinished(tracker, FIRST) == 1
    assert tracker.committable() == {FIRST: 2}
    _finish(tracker, 2)
    assert tracker.committable() == {FIRST: 3}


def test_what_lies_before_it_is_still_waited_for() -> None:
    """Going back forgets nothing that is unfinished before that offset."""
    tracker = _tracker(1, 5, 6)
    _finish(tracker, 6)
    assert tracker.mark_received(FIRST, 5) is not None
    _finish(tracker, 5)
    assert tracker.committable() == {}
    _finish(tracker, 1)
    assert tracker.committable() == {FIRST: 6}


def test_what_a_former_reception_finishes_is_dropped() -> None:
    """An offset that came again is finished by its last reception alone."""
    tracker = _tracker(0, 1)
    before = tracker.last[FIRST, 0]
    assert tracker.mark_received(FIRST, 0) is not None
    tracker.mark_finished(FIRST, 0, before)
    assert tracker.committable() == {}
    _finish(tracker, 0)
    assert tracker.committable() == {FIRST: 1}


def test_what_a_former_assignment_finishes_is_dropped() -> None:
    """A partition that comes back begins again: what still ran for it finishes nothing of it."""
    tracker = _tracker(0)
    before = tracker.last[FIRST, 0]
    tracker.revoke(FIRST)
    tracker.assign(FIRST)
    assert tracker.mark_received(FIRST, 0) is not None
    tracker.mark_finished(FIRST, 0, before)
    assert tracker.committable() == {}
    assert _unfinished(tracker, FIRST) == 1


def test_lag_counts_what_is_not_finished() -> None:
    """Lag runs from the lowest unfinished offset to the end; what is not ours, or gave nothing yet, has none."""
    tracker = _tracker(5, 6, 7)
    tracker.assign(SECOND)
    ends = {FIRST: 20, SECOND: 9, Partition("memos", 2): 3}
    assert tracker.behind(ends) == {FIRST: 15, SECOND: 0}
    _finish(tracker, 5, 7)
    assert tracker.behind(ends) == {FIRST: 14, SECOND: 0}
    _finish(tracker, 6)
    assert tracker.behind(ends) == {FIRST: 12, SECOND: 0}
    assert tracker.behind({FIRST: 3}) == {FIRST: 0}
    tracker.revoke(FIRST)
    assert tracker.behind(ends) == {SECOND: 0}


def test_strangers_are_not_received() -> None:
    """A partition that is not ours has no offsets, and nothing of it can be committed."""
    tracker = _tracker()
    assert tracker.mark_received(SECOND, 0) is None
    assert not tracker.goes_back(SECOND, 0)
    tracker.mark_finished(SECOND, 0, 0)
    tracker.mark_committed({SECOND: 9})
    assert (tracker.committable(), _unfinished(tracker, SECOND)) == ({}, 0)


@dataclass
class Model:
    """One assignment of one partition, as plainly as can be."""

    received: list[int] = field(default_factory=list)
    """In order, as far as it was not received again."""
    receptions: dict[int, int | None] = field(default_factory=dict)
    finished: set[int] = field(default_factory=set)
    committed: int = -1

    @property
    def unfinished(self) -> list[int]:
        """What was received and is not finished."""
        return [offset for offset in self.received if offset not in self.finished]

    begun: bool = False
    """Whether any of it was ever part of the finished prefix."""

    @property
    def next(self) -> int | None:
        """The offset to commit; None before the prefix has begun."""
        if not self.begun:
            return None
        return self.unfinished[0] if self.unfinished else self.received[-1] + 1

    def go_back(self, offset: int) -> None:
        """Forget what came from an offset on."""
        self.received = [each for each in self.received if each < offset]
        self.finished = {each for each in self.finished if each < offset}
        self.receptions = {each: number for each, number in self.receptions.items() if each < offset}
        self.committed = -1


class Tracking(RuleBasedStateMachine):
    """Assignments, receptions, ends and commits in any order."""

    in_hand = Bundle[tuple[Partition, int, int]]("in_hand")
    snapshots = Bundle[dict[Partition, int]]("snapshots")

    def __init__(self) -> None:
        super().__init__()
        self.tracker = PrefixTracker()
        self.models: dict[Partition, Model] = {}
        self.epochs = {FIRST: 0, SECOND: 0}
        self.last: dict[Partition, int] = {}

    @rule(partition=partitions)
    def assign(self, partition: Partition) -> None:
        """A partition becomes ours, or is given to us afresh."""
        self.tracker.assign(partition)
        self.models[partition] = Model()
        self.last.pop(partition, None)

    @rule(partition=partitions)
    def revoke(self, partition: Partition) -> None:
        """A partition goes, with everything in flight."""
        self.tracker.revoke(partition)
        self.models.pop(partition, None)
        self.last.pop(partition, None)

    @rule(target=in_hand, partition=partitions, gap=st.integers(0, 3))
    def receive(
        self, partition: Partition, gap: int
    ) -> tuple[Partition, int, int] | MultipleResults[tuple[Partition, int, int]]:
        """The next offset comes, perhaps past some that never will."""
        model = self.models.get(partition)
        offset = (model.received[-1] + 1 if model and model.received else 0) + gap
        return self._receive(partition, offset, back=False)

    @rule(target=in_hand, partition=partitions, data=st.data())
    def receive_again(
        self, partition: Partition, data: st.DataObject
    ) -> tuple[Partition, int, int] | MultipleResults[tuple[Partition, int, int]]:
        """An offset comes again, or one from a gap below the last."""
        model = self.models.get(partition)
        if model is None or not model.received:
            return multiple()
        offset = data.draw(st.integers(0, model.received[-1]))
        model.go_back(offset)
        self.last.pop(partition, None)
        return self._receive(partition, offset, back=True)

    def _receive(
        self, partition: Partition, offset: int, *, back: bool
    ) -> tuple[Partition, int, int] | MultipleResults[tuple[Partition, int, int]]:
        model = self.models.get(partition)
        assert self.tracker.goes_back(partition, offset) is back
        reception = self.tracker.mark_received(partition, offset)
        if model is None or reception is None:
            assert (model, reception) == (None, None)
            return multiple()
        model.received.append(offset)
        model.receptions[offset] = reception
        return partition, offset, reception

    def _finish(self, partition: Partition, offset: int, reception: int) -> None:
        self.tracker.mark_finished(partition, offset, reception)
        model = self.models.get(partition)
        if model is not None and model.receptions.get(offset) == reception:
            model.finished.add(offset)
            model.begun |= offset == model.received[0] or model.unfinished[:1] != model.received[:1]

    @rule(job=consumes(in_hand))
    def finish(self, job: tuple[Partition, int, int]) -> None:
        """A job ends, perhaps after its partition has gone or come back."""
        self._finish(*job)

    @rule(job=in_hand)
    def finish_twice(self, job: tuple[Partition, int, int]) -> None:
        """Something says twice that it has ended."""
        self._finish(*job)
        self._finish(*job)

    @rule(target=snapshots)
    def begin_commit(self) -> dict[Partition, int]:
        """What is due is taken, and on its way."""
        return self.tracker.committable()

    @rule(offsets=consumes(snapshots))
    def end_commit(self, offsets: dict[Partition, int]) -> None:
        """A commit has arrived, perhaps after a later one."""
        self.tracker.mark_committed(offsets)
        for partition, offset in offsets.items():
            if partition in self.models:
                self.models[partition].committed = max(self.models[partition].committed, offset)

    @invariant()
    def agrees(self) -> None:
        """Tracker and model say the same."""
        due = {
            partition: model.next
            for partition, model in self.models.items()
            if model.next is not None and model.next > model.committed
        }
        assert self.tracker.committable() == due
        for partition in (FIRST, SECOND):
            model = self.models.get(partition, Model())
            assert _unfinished(self.tracker, partition) == len(model.unfinished)

    @invariant()
    def nothing_unfinished_is_committed(self) -> None:
        """No commit passes anything received and unfinished, and none goes back while the partition is ours."""
        for partition, offset in self.tracker.committable().items():
            assert all(offset <= unfinished for unfinished in self.models[partition].unfinished)
            assert offset >= self.last.get(partition, 0)
            self.last[partition] = offset

    @invariant()
    def epochs_only_grow(self) -> None:
        """A partition's epoch never goes down."""
        for partition, before in self.epochs.items():
            self.epochs[partition] = self.tracker.epoch(partition)
            assert self.epochs[partition] >= before


TestTracking = Tracking.TestCase
