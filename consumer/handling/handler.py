"""Handler: brings one event to its end: answered and settled, or parked, or dead-lettered with its reason (I7)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from audio.clips import Line
from consumer.events.parse import Unreadable
from consumer.handling.dead_letter import dead_letter_of, failed_stage
from consumer.handling.unsaved_facts import UnsavedFacts
from consumer.handling.work import Again, Done, Work
from consumer.memo import checkpoint
from consumer.memo.endings import Apology, NoRecording, NotKept
from consumer.memo.lease import LEASE_SECONDS, Lease, await_claim, boottime, release
from consumer.memo.progress import Progress
from consumer.notices import EventBuried, EventPassed, MemoFenced, MemoParked, MemoReleased, MemoSettled, MemoTaken
from conversation.budget import DEADLINE_SECONDS, Budget
from providers.errors import ProviderError, Verdict
from runtime.bug_places import bug_frames
from storage.errors import Fenced, StoreUnavailable
from storage.ledger import Behind, Claim, DeadLetter, Held, Parked, Settled
from storage.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from consumer.events.parse import TextMessage, VoiceMemo
    from consumer.handling.bug_limit import BugLimit
    from consumer.handling.outbox import Outbox
    from consumer.handling.retry_policy import RetryPolicy
    from consumer.handling.work import Outcome
    from consumer.memo.states import Delivered
    from consumer.notices import Notices
    from consumer.pipeline import Pipeline
    from storage.ledger import Event, JsonValue, Ledger, MemoKey

_MAX_HELD_SECONDS = 5.0
"""Longest wait for a memo that another worker holds."""
_STORE_AWAY_SECONDS = 1.0
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
    owner: str
    """This process's name in the ledger, unique."""
    our_numbers: Collection[str] = field(default=(), repr=False)
    person_key: bytes | None = field(default=None, repr=False)
    """Secret of the ledger's pseudonyms; None: it has none."""
    lease_seconds: float = LEASE_SECONDS
    deadline_seconds: float = DEADLINE_SECONDS
    clock: Callable[[], float] = field(default=perf_counter, repr=False)
    lease_clock: Callable[[], float] = field(default=boottime, repr=False)
    carried: UnsavedFacts = field(default_factory=UnsavedFacts, repr=False)

    async def take(
        self, event: Event, parsed: VoiceMemo | TextMessage | Unreadable, owned: Callable[[], bool]
    ) -> Outcome:
        """Bring an event from Kafka to its end. Raises TooManyBugs when the worker has to stop."""
        try:
            if isinstance(parsed, Unreadable) and parsed.chat_id is None:
                letter = DeadLetter(event, parsed.reason, "parse")
                await self.ledger.bury(letter)
                self._post(letter)
                return Done()
            work = Work.from_event(event, parsed)
            facts = checkpoint.initial_facts(work.memo, self.person_key)
            asked_at = self.lease_clock()
            claiming = self.ledger.claim(work.key, owner=self.owner, lease_seconds=self.lease_seconds, facts=facts)
            answer = await await_claim(claiming, self.ledger)
            if not isinstance(answer, Claim):
                return await self._passed(answer, work.key, event, facts)
            await self.work_on(self._lease(answer, asked_at, owned), work)
        except Fenced:
            return Again(_STORE_AWAY_SECONDS)
        except StoreUnavailable as away:
            log.warning("ledger.away", extra={"error": str(away)})
            return Again(_STORE_AWAY_SECONDS)
        return Done()

    async def take_up(self, key: MemoKey, owned: Callable[[], bool]) -> Done:
        """Try a parked memo again; what cannot be done now stays parked. Raises TooManyBugs."""
        try:
            asked_at = self.lease_clock()
            claim = await self._resumed(key)
            if isinstance(claim, Claim):
                lease = self._lease(claim, asked_at, owned)
                await self.work_on(lease, await self._recalled(lease))
        except Fenced:
            pass  # another worker has it
        except StoreUnavailable as away:
            log.warning("ledger.away", extra={"error": str(away)})
        return Done()

    async def revive(self, key: MemoKey, *, without: Collection[str], again: bool) -> State | Held | Settled:
        """Answer a memo for an operator, now; return how it ended, who holds it, or how it had ended before.

        `without` names facts to drop, so that their work is done again; with `again`, an answered memo gets a further
        reply.

        Raises:
            KeyError: there is no such memo.
            StoreUnavailable: the ledger is away.
            Fenced: another worker has taken it meanwhile.
        """
        asked_at, seconds = self.lease_clock(), self.lease_seconds
        reviving = self.ledger.revive(key, owner=self.owner, lease_seconds=seconds, without=without, again=again)
        answer = await await_claim(reviving, self.ledger)
        if not isinstance(answer, Claim):
            return answer
        lease = self._lease(answer, asked_at, lambda: True)
        return await self.work_on(lease, replace(await self._recalled(lease), may_park=False))

    async def work_on(self, lease: Lease, work: Work) -> State:
        """Answer a memo under its lease; return the state that it ended or was parked in.

        Raises:
            Fenced: the lease was lost.
            StoreUnavailable: the ledger is away.
            TooManyBugs: the worker has to stop.
        """
        claim = lease.claim
        self.notices(MemoTaken(claim.key, claim.fence, work.place, work.trace))
        budget = Budget(self.deadline_seconds, self.clock)
        facts = self.carried.into(claim)
        progress = Progress(claim, self.ledger, self.notices, lease, self.clock, budget=budget, facts=facts)
        try:
            async with lease.kept():
                return await self._answer(progress, work)
        except asyncio.CancelledError:
            self.notices(MemoReleased(claim.key, claim.fence, "cancelled"))
            await release(claim, self.ledger, progress.steps)
            raise
        except StoreUnavailable:
            self.notices(MemoReleased(claim.key, claim.fence, "store-away"))
            self.carried.keep(claim, progress.facts)
            raise
        except Fenced:
            self.notices(MemoFenced(claim.key, claim.fence))
            self.carried.keep(claim, progress.facts)
            raise

    def _lease(self, claim: Claim, asked_at: float, owned: Callable[[], bool]) -> Lease:
        return Lease(
            self.ledger, claim, seconds=self.lease_seconds, asked_at=asked_at, owned=owned, clock=self.lease_clock
        )

    async def _passed(
        self, answer: Held | Parked | Behind | Settled, key: MemoKey, event: Event, facts: Mapping[str, JsonValue]
    ) -> Outcome:
        match answer:
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

    async def _resumed(self, key: MemoKey) -> Claim | Held | Behind | Settled | None:
        resuming = self.ledger.resume(key, owner=self.owner, lease_seconds=self.lease_seconds)
        try:
            return await await_claim(resuming, self.ledger)
        except KeyError:
            return None  # it was purged since it was found to be due

    async def _recalled(self, lease: Lease) -> Work:
        """Read a memo's work from the ledger: up to 35 MB, so in a thread, and perhaps for longer than a lease."""
        claim = lease.claim
        try:
            async with lease.kept():
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
        begun = self.clock()
        try:
            delivered = await self.pipeline(work.memo, progress, work.apology)
        except NoRecording as nothing:
            return await self._settle(progress, work, begun, State.IGNORED, nothing.reason)
        except ProviderError as failure:
            return await self._failed(progress, work, begun, failure)
        except NotKept as owing:
            return await self._not_kept(progress, work, begun, owing)
        except (StoreUnavailable, Fenced):
            raise
        except Exception as bug:  # noqa: BLE001 - boundary: a bug ends this memo, visibly, and no other (I8)
            return await self._broke(progress, work, begun, bug)
        return await self._delivered(progress, work, begun, delivered)

    async def _delivered(
        self, progress: Progress, work: Work, begun: float, delivered: Delivered, *, why: str | None = None
    ) -> State:
        progress.facts.update(sent_id=delivered.sent_id, form=delivered.form.value)
        apology = delivered.answering.reason
        state = State.APOLOGISED if apology else State.ANSWERED
        return await self._settle(progress, work, begun, state, apology or why)

    async def _failed(self, progress: Progress, work: Work, begun: float, failure: ProviderError) -> State:
        """Settle an undelivered memo, unless a later try may help or its original is still to be kept (I5)."""
        reason = f"{failed_stage(progress)}-{failure.reason}"
        may_help = work.may_park and failure.verdict is not Verdict.NEVER
        if (may_help or progress.owes_original) and self._may_wait(progress, work):
            return await self._park(progress, work, reason, asked_seconds=failure.retry_after_seconds or 0.0)
        return await self._settle(progress, work, begun, State.FAILED, reason)

    async def _not_kept(self, progress: Progress, work: Work, begun: float, owing: NotKept) -> State:
        if self._may_wait(progress, work):
            return await self._park(progress, work, owing.reason, holds_chat=False)
        return await self._delivered(progress, work, begun, owing.delivered, why=owing.reason)

    async def _broke(self, progress: Progress, work: Work, begun: float, bug: Exception) -> State:
        """Apologise for a bug, unless a reply is already out, and settle the memo."""
        state, reason = State.APOLOGISED, f"bug-{type(bug).__name__}"
        progress.met(bug)
        log.error("memo.broke", extra={"error": type(bug).__name__, "where": bug_frames(bug)})
        try:
            delivered = await self.pipeline(work.memo, progress, Apology(Line.NOT_PROCESSED, reason))
            progress.facts.update(sent_id=delivered.sent_id, form=delivered.form.value)
        except ProviderError as failure:
            return await self._failed(progress, work, begun, failure)
        except NotKept as owing:
            return await self._not_kept(progress, work, begun, owing)
        except (StoreUnavailable, Fenced):
            raise
        except Exception as another:  # noqa: BLE001 - boundary: the same one, met again while apologising for it
            log.error("apology.broke", extra={"error": type(another).__name__, "where": bug_frames(another)})  # noqa: TRY400 (I6)
            state = State.DEAD
        return await self._settle(progress, work, begun, state, reason)

    def _may_wait(self, progress: Progress, work: Work) -> bool:
        return work.event is not None and not self.retries.given_up(progress.claim.age_seconds)

    async def _park(
        self, progress: Progress, work: Work, reason: str, *, holds_chat: bool = True, asked_seconds: float = 0.0
    ) -> State:
        """Leave the memo in the ledger for a later try; meanwhile it holds no partition and no slot."""
        claim, event = progress.claim, work.event
        if event is None:
            raise RuntimeError("a memo is parked with its event")
        seconds = self.retries.delay_seconds(claim.tries, asked_seconds=asked_seconds)
        facts, steps = progress.facts, tuple(progress.steps)
        park = partial(self.ledger.park, claim, event, seconds=seconds, reason=reason, holds_chat=holds_chat)
        await progress.persist(lambda: park(facts=facts, steps=steps))
        self.notices(MemoParked(claim.key, reason, seconds, claim.tries + 1))
        return progress.state

    async def _settle(self, progress: Progress, work: Work, begun: float, state: State, reason: str | None) -> State:
        """End the memo, in one step with its dead letter if it has one. Raises TooManyBugs after that."""
        claim, letter = progress.claim, dead_letter_of(progress, work.event, state, reason)
        facts, steps = progress.facts, tuple(progress.steps)
        await progress.persist(
            lambda: self.ledger.settle(claim, state, reason=reason, facts=facts, steps=steps, letter=letter)
        )
        form, written, seconds = facts.get("form"), work.memo.text is not None, self.clock() - begun
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
