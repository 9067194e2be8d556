"""Handler: brings an event to its end: answered, parked, or dead-lettered with its reason (I7)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from audio.clips import Line
from consumer.events.parse import Unreadable
from consumer.handling.dead_letter import dead_letter_of, failed_stage
from consumer.handling.unsaved_facts import UnsavedFacts
from consumer.handling.work import Again, Done, Work
from consumer.memo import checkpoint
from consumer.memo.endings import Apology, NoRecording, NotKept
from consumer.memo.lease import LEASE_SECONDS, Lease, acquire, boottime, release
from consumer.memo.progress import Progress
from consumer.memo.states import Delivered
from consumer.notices import EventBuried, EventPassed, MemoFenced, MemoParked, MemoReleased, MemoSettled, MemoTaken
from conversation.budget import DEADLINE_SECONDS, Budget
from providers.errors import ProviderError, Verdict
from runtime.bug_places import bug_frames
from runtime.trace_context import extract
from storage.errors import Fenced, StoreUnavailable
from storage.ledger import Behind, DeadLetter, Held, Parked, Settled
from storage.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Mapping

    from consumer.handling.bug_limit import BugLimit
    from consumer.handling.outbox import Outbox
    from consumer.handling.retry_policy import RetryPolicy
    from consumer.handling.work import Answerable, Outcome
    from consumer.memo.lease import Refusal
    from consumer.notices import Notices
    from consumer.pipeline import Pipeline
    from storage.ledger import Claim, Event, JsonValue, Ledger, MemoKey

_MAX_HELD_SECONDS = 5.0
"""Longest wait for a memo that another worker holds."""
_RETRY_SECONDS = 1.0
_AT_ONCE_SECONDS = 0.05

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Handler:
    """Claims a memo, has the pipeline answer it, and settles, parks or dead-letters it."""

    pipeline: Pipeline
    ledger: Ledger
    outbox: Outbox
    notices: Notices
    bugs: BugLimit
    retries: RetryPolicy
    owner: str  # name of this process in the ledger, unique
    our_numbers: Collection[str] = field(default=(), repr=False)
    person_key: bytes | None = field(default=None, repr=False)  # secret of the ledger's pseudonyms, if it has any
    lease_seconds: float = LEASE_SECONDS
    deadline_seconds: float = DEADLINE_SECONDS
    clock: Callable[[], float] = field(default=perf_counter, repr=False)
    lease_clock: Callable[[], float] = field(default=boottime, repr=False)
    unsaved: UnsavedFacts = field(default_factory=UnsavedFacts, repr=False)

    async def take(self, event: Event, parsed: Answerable, owned: Callable[[], bool]) -> Outcome:
        """Bring an event from Kafka to its end. Raises TooManyBugs when the worker has to stop."""
        try:
            if isinstance(parsed, Unreadable) and parsed.chat_id is None:
                letter = DeadLetter(event, parsed.reason, "parse")
                await self.ledger.bury(letter)
                self._post(letter)
                return Done()
            work = Work.from_event(event, parsed)
            facts = checkpoint.initial_facts(work.memo, self.person_key)
            claiming = self.ledger.claim(work.key, owner=self.owner, lease_seconds=self.lease_seconds, facts=facts)
            lease = await self._acquire(claiming, owned)
            if not isinstance(lease, Lease):
                return await self._refused(lease, work.key, event, facts)
            await self.work_on(lease, work)
        except Fenced:
            return Again(_RETRY_SECONDS)
        except StoreUnavailable as away:
            log.warning("ledger.away", extra={"error": str(away)})
            return Again(_RETRY_SECONDS)
        return Done()

    async def retry_parked(self, key: MemoKey, owned: Callable[[], bool]) -> Done:
        """Try a parked memo again; if that is not possible now, it stays parked. Raises TooManyBugs."""
        try:
            resuming = self.ledger.resume(key, owner=self.owner, lease_seconds=self.lease_seconds)
            try:
                lease = await self._acquire(resuming, owned)
            except KeyError:  # it was purged since it was listed as due
                return Done()
            if isinstance(lease, Lease):
                await self.work_on(lease, await self._read_work(lease))
        except Fenced:
            pass  # another worker has it
        except StoreUnavailable as away:
            log.warning("ledger.away", extra={"error": str(away)})
        return Done()

    async def revive(self, key: MemoKey, *, without: Collection[str], again: bool) -> State | Held | Settled:
        """Answer a memo for an operator; return its state, or why it was refused.

        `without` names facts to drop, so that their work is done again; with `again`, an answered memo gets one more
        reply. Raises KeyError (no such memo), StoreUnavailable, Fenced, TooManyBugs.
        """
        seconds = self.lease_seconds
        reviving = self.ledger.revive(key, owner=self.owner, lease_seconds=seconds, without=without, again=again)
        lease = await self._acquire(reviving, lambda: True)
        if not isinstance(lease, Lease):
            return cast("Held | Settled", lease)
        return await self.work_on(lease, replace(await self._read_work(lease), may_park=False))

    async def work_on(self, lease: Lease, work: Work) -> State:
        """Answer a memo under its lease; return its new state. Raises Fenced, StoreUnavailable, TooManyBugs."""
        claim = lease.claim
        place, trace = (work.event.place, extract(work.event.headers)) if work.event else (None, None)
        self.notices(MemoTaken(claim.key, claim.fence, place, trace))
        budget = Budget(self.deadline_seconds, self.clock)
        progress = Progress(lease, self.notices, self.clock, budget, self.unsaved.pop(claim))
        try:
            async with lease.renewing():
                return await self._answer(progress, work)
        except asyncio.CancelledError:
            self.notices(MemoReleased(claim.key, claim.fence, "cancelled"))
            await release(claim, self.ledger, progress.steps)
            raise
        except StoreUnavailable:
            self.notices(MemoReleased(claim.key, claim.fence, "store-away"))
            self.unsaved.save(claim, progress.facts)
            raise
        except Fenced:
            self.notices(MemoFenced(claim.key, claim.fence))
            self.unsaved.save(claim, progress.facts)
            raise

    async def _acquire(
        self, claiming: Coroutine[Any, Any, Claim | Refusal], owned: Callable[[], bool]
    ) -> Lease | Refusal:
        return await acquire(claiming, self.ledger, seconds=self.lease_seconds, owned=owned, clock=self.lease_clock)

    async def _refused(self, refusal: Refusal, key: MemoKey, event: Event, facts: Mapping[str, JsonValue]) -> Outcome:
        match refusal:
            case Held(_, seconds_left):
                return Again(min(max(seconds_left, _AT_ONCE_SECONDS), _MAX_HELD_SECONDS))
            case Behind():
                if not await self.ledger.park_behind(key, event, facts=facts):
                    return Again(_AT_ONCE_SECONDS)
                self.notices(EventPassed("parked-behind"))
            case Parked():
                self.notices(EventPassed("parked-before"))
            case Settled():
                self.notices(EventPassed("settled-before"))
        return Done()

    async def _read_work(self, lease: Lease) -> Work:
        # Up to 35 MB: parsed in a thread, and perhaps read for longer than a lease.
        claim = lease.claim
        try:
            async with lease.renewing():
                event = await self.ledger.event(claim.key)
                read = partial(Work.from_ledger, claim, event, our_numbers=self.our_numbers)
                return await asyncio.to_thread(read)
        except asyncio.CancelledError:
            await release(claim, self.ledger)
            raise
        except Fenced:
            self.notices(MemoFenced(claim.key, claim.fence))
            raise

    async def _answer(self, progress: Progress, work: Work) -> State:
        try:
            ending = await self._run_pipeline(progress, work, work.apology)
        except (StoreUnavailable, Fenced):
            raise
        except Exception as bug:  # noqa: BLE001 - boundary: a bug ends this memo, visibly, and no other (I8)
            return await self._apologise_for(bug, progress, work)
        return await self._end(ending, progress, work)

    async def _apologise_for(self, bug: Exception, progress: Progress, work: Work) -> State:
        reason = f"bug-{type(bug).__name__}"
        progress.record_bug(bug)
        log.error("memo.broke", extra={"error": type(bug).__name__, "where": bug_frames(bug)})
        try:
            ending = await self._run_pipeline(progress, work, Apology(Line.NOT_PROCESSED, reason))
        except (StoreUnavailable, Fenced):
            raise
        except Exception as another:  # noqa: BLE001 - boundary: the same bug, met again while apologising
            log.error("apology.broke", extra={"error": type(another).__name__, "where": bug_frames(another)})  # noqa: TRY400 (I6)
            return await self._settle(progress, work, State.DEAD, reason)
        if isinstance(ending, Delivered):  # perhaps the reply of an earlier attempt: then there is a bug all the same
            progress.facts.update(sent_id=ending.sent_id, form=ending.form.value)
            return await self._settle(progress, work, State.APOLOGISED, reason)
        return await self._end(ending, progress, work)

    async def _run_pipeline(
        self, progress: Progress, work: Work, apology: Apology | None
    ) -> Delivered | NoRecording | ProviderError | NotKept:
        try:
            return await self.pipeline(work.memo, progress, apology)
        except (NoRecording, ProviderError, NotKept) as ending:
            return ending

    async def _end(
        self, ending: Delivered | NoRecording | ProviderError | NotKept, progress: Progress, work: Work
    ) -> State:
        """Settle the memo, or park it if a later try may help or its original is not kept yet (I5)."""
        if isinstance(ending, NoRecording):
            return await self._settle(progress, work, State.IGNORED, ending.reason)
        if isinstance(ending, ProviderError):
            reason = f"{failed_stage(progress)}-{ending.reason}"
            again = progress.owes_original or (work.may_park and ending.verdict is not Verdict.NEVER)
            asked_seconds = ending.retry_after_seconds or 0.0
            if again and await self._park(progress, work, reason, asked_seconds=asked_seconds):
                return progress.state
            return await self._settle(progress, work, State.FAILED, reason)
        if isinstance(ending, NotKept):
            if await self._park(progress, work, ending.reason, holds_chat=False):
                return progress.state
            delivered, not_kept = ending.delivered, ending.reason
        else:
            delivered, not_kept = ending, None
        progress.facts.update(sent_id=delivered.sent_id, form=delivered.form.value)
        apology = delivered.answering.reason
        state = State.APOLOGISED if apology else State.ANSWERED
        return await self._settle(progress, work, state, apology or not_kept)

    async def _park(
        self, progress: Progress, work: Work, reason: str, *, holds_chat: bool = True, asked_seconds: float = 0.0
    ) -> bool:
        """Leave the memo in the ledger for a later try; return False if there will be none."""
        claim = progress.claim
        if work.event is None or self.retries.given_up(claim.age_seconds):
            return False
        seconds = self.retries.delay_seconds(claim.tries, asked_seconds=asked_seconds)
        park = partial(self.ledger.park, claim, work.event, seconds=seconds, reason=reason, holds_chat=holds_chat)
        await progress.persist(partial(park, facts=progress.facts, steps=tuple(progress.steps)))
        self.notices(MemoParked(claim.key, reason, seconds, claim.tries + 1))
        return True

    async def _settle(self, progress: Progress, work: Work, state: State, reason: str | None) -> State:
        """End the memo and write its dead letter, if any, in one step. Raises TooManyBugs after that."""
        claim, facts, letter = progress.claim, progress.facts, dead_letter_of(progress, work.event, state, reason)
        settle = partial(self.ledger.settle, claim, state, reason=reason, letter=letter)
        await progress.persist(partial(settle, facts=facts, steps=tuple(progress.steps)))
        form, seconds, written = facts.get("form"), self.clock() - progress.begun, work.memo.text is not None
        self.notices(MemoSettled(claim.key, state.value, reason, str(form) if form else None, seconds, written=written))
        if letter is not None:
            self._post(letter)
        if progress.bug is not None:
            self.bugs.count()
        return state

    def _post(self, letter: DeadLetter) -> None:
        place = letter.event.place
        self.notices(EventBuried(place.topic, place.partition, place.offset, letter.reason))
        self.outbox.post(letter)
