"""The heap is looked through as a whole once, and then no more."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from consumer.heap import Heap
from consumer.notices import MemoSettled, WorkerChanged
from storage.ledger import MemoKey

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTLED = MemoSettled(MemoKey("chat", "memo"), "answered", None, "voice", 1.0)


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Give the collector back as it was: it is the whole process's."""
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_frozen_at_the_first_settled_memo() -> None:
    """Until a memo is settled nothing happens; then all that is there stays for good, once."""
    heap, before = Heap(), gc.get_threshold()
    heap(WorkerChanged("polling"))
    assert (gc.get_freeze_count(), gc.get_threshold()) == (0, before)
    heap(SETTLED)
    frozen = gc.get_freeze_count()
    assert frozen > 1000
    assert gc.get_threshold()[0] > before[0]
    later = [[] for _ in range(100)]  # type: ignore[var-annotated] # new objects, of whatever kind
    heap(SETTLED)
    assert len(later) == 100
    assert gc.get_freeze_count() <= frozen  # fewer, where something of it was freed; more, had it been frozen again
