"""Rules, deliberately broken, one at a time: the simulation must notice each of them, or it proves nothing."""

from __future__ import annotations

# ruff: noqa: ANN401 (they stand in for methods of many shapes)
import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from weakref import WeakKeyDictionary

from consumer.memo import checkpoint
from consumer.memo.asides import Asides
from consumer.memo.lease import Lease
from consumer.memo.progress import Progress
from consumer.pipeline import Pipeline
from consumer.stages import deliver
from consumer.stages.deliver import Deliver
from consumer.worker import offsets, worker
from consumer.worker.offsets import PrefixTracker
from providers.errors import OutcomeUnknown
from storage.memory.rows import MemoRow
from storage.memory.store import MemoryStore
from storage.states import State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from consumer.kafka.ports import Partition

Ledger: Any = type(MemoryStore(clock=lambda: 0.0).ledger)


@contextmanager
def commit_the_highest() -> Iterator[None]:
    """Commit behind the highest finished offset, whatever lies before it."""

    def committable(self: PrefixTracker) -> dict[Partition, int]:
        found = {}
        for partition, prefix in self._prefixes.items():
            done = seen.get(prefix, set()) - prefix.unfinished.keys()
            if done and max(done) + 1 > prefix.committed:
                found[partition] = max(done) + 1
        return found

    seen: WeakKeyDictionary[Any, set[int]] = WeakKeyDictionary()
    real = offsets._Prefix.receive

    def receive(self: Any, offset: int, reception: int) -> None:
        seen.setdefault(self, set()).add(offset)
        real(self, offset, reception)

    with patch.object(PrefixTracker, "committable", committable), patch.object(offsets._Prefix, "receive", receive):
        yield


@contextmanager
def no_fencing() -> Iterator[None]:
    """Allow a stale holder to write to the ledger, and never stop it by its own clock."""
    with patch.object(Ledger, "_ours", lambda self, claim: self._memos[claim.key]), _no_last_look():
        yield


@contextmanager
def _no_last_look() -> Iterator[None]:
    with patch.object(Lease, "check", lambda _: None):
        yield


@contextmanager
def sending_not_recorded() -> Iterator[None]:
    """Send without having written down that a send begins."""
    real = Progress.advance

    async def advance(self: Progress, state: State, facts: Mapping[str, Any]) -> None:
        if state is State.SENDING and "sent_id" not in facts:
            self.facts.update(facts)
            return
        await real(self, state, facts)

    with patch.object(Progress, "advance", advance):
        yield


@contextmanager
def lease_not_renewed() -> Iterator[None]:
    """Renew no lease."""

    async def never(_: Lease) -> None:
        await asyncio.Event().wait()

    with patch.object(Lease, "_renew", never):
        yield


@contextmanager
def lanes_not_respected() -> Iterator[None]:
    """Put every event into a lane of its own."""
    numbers = iter(range(10**9))
    with patch.object(worker, "_lane", lambda *_: ("any", str(next(numbers)))):
        yield


@contextmanager
def settled_before_kept() -> Iterator[None]:
    """Settle without waiting for the asides."""

    async def finish(_: Asides) -> None:
        return

    with patch.object(Asides, "finish", finish), patch("consumer.memo.asides.asyncio.gather", _cancelled):
        yield


async def _cancelled(*tasks: asyncio.Task[object], return_exceptions: bool = False) -> None:
    del return_exceptions
    for task in tasks:
        task.cancel()


@contextmanager
def taken_while_letting_go() -> Iterator[None]:
    """Go on taking events of partitions that are being revoked."""

    async def revoked(self: Any, partitions: Any) -> None:
        async with self._revoking:
            self._lanes.stop(partitions)
            await self._drain(partitions)
            await self._commit()
            for partition in partitions:
                self._offsets.revoke(partition)
            await self._lanes.cancel(partitions, seconds=self._cancel_seconds)
            self._parking.forget()
            self._assigned.difference_update(partitions)  # the worker does so first

    with patch.object(worker.Worker, "_revoked", revoked):
        yield


@contextmanager
def claims_ignored() -> Iterator[None]:
    """Take a memo though another holds it."""
    with patch.object(MemoRow, "held", lambda *_: None), _no_last_look():
        yield


@contextmanager
def earlier_sends_ignored() -> Iterator[None]:
    """Send again without a search for an earlier send."""

    async def find_earlier(*_: object) -> None:
        return None

    with patch.object(Deliver, "find_earlier", find_earlier):
        yield


@contextmanager
def resent_without_a_search() -> Iterator[None]:
    """Send again within an attempt, without a search for what may be out."""

    async def send_once(_: Deliver, send: Callable[[], Awaitable[str]], *others: object) -> str:
        del others
        try:
            return await send()
        except OutcomeUnknown:
            return await send()

    with patch.object(Deliver, "_send_once", send_once):
        yield


@contextmanager
def parked_memos_overtaken() -> Iterator[None]:
    """Allow a memo to overtake a parked one of its chat."""
    real = Ledger.claim

    async def claim(self: Any, *args: Any, **kwargs: Any) -> object:
        with patch.object(self, "_queues", {}):
            return await real(self, *args, **kwargs)

    with patch.object(Ledger, "claim", claim):
        yield


@contextmanager
def keeping_cut_off() -> Iterator[None]:
    """Cancel the keeping of the original when a memo ends badly."""
    real = Asides.__aexit__

    async def leave(self: Any, kind: Any, error: Any, trace: Any) -> None:
        await real(self, kind, asyncio.CancelledError() if error is not None else None, trace)

    with patch.object(Asides, "__aexit__", leave), patch.object(Pipeline, "_keep_owed", lambda *_: None):
        yield


@contextmanager
def letters_forgotten() -> Iterator[None]:
    """Settle a memo, and write its letter afterwards, by hand of the outbox alone."""
    real = Ledger.settle

    async def settle(self: Any, *args: Any, **kwargs: Any) -> None:
        await real(self, *args, **{**kwargs, "letter": None})

    with patch.object(Ledger, "settle", settle), patch("consumer.handling.outbox.Outbox.post", lambda *_: None):
        yield


@contextmanager
def gains_forgotten() -> Iterator[None]:
    """Begin again, whatever an earlier attempt has paid for."""
    with (
        patch.object(checkpoint, "restore_heard", lambda *_: None),
        patch.object(checkpoint, "restore_answering", lambda *_: None),
    ):
        yield


@contextmanager
def sends_cut_off() -> Iterator[None]:
    """Cancel what is being sent, release it at once, and let the next holder send it."""

    async def plain(work: Any) -> Any:
        return await work

    with patch.object(deliver, "run_to_end", plain):
        yield


@contextmanager
def no_last_look() -> Iterator[None]:
    """Send without looking at the lease once more."""
    with _no_last_look():
        yield


@contextmanager
def offsets_before_the_end() -> Iterator[None]:
    """Finish an event when its memo has been taken, not when it has ended."""
    real = worker.Worker._handle

    async def handle(*parts: Any) -> Any:
        *_, finish = parts
        finish()
        return await real(*parts)

    with patch.object(worker.Worker, "_handle", handle):
        yield


MUTATIONS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    each.__name__: each
    for each in (
        commit_the_highest,
        no_fencing,
        sending_not_recorded,
        lease_not_renewed,
        lanes_not_respected,
        settled_before_kept,
        taken_while_letting_go,
        claims_ignored,
        earlier_sends_ignored,
        resent_without_a_search,
        parked_memos_overtaken,
        keeping_cut_off,
        letters_forgotten,
        gains_forgotten,
        sends_cut_off,
        no_last_look,
        offsets_before_the_end,
    )
}
