"""Handler: brings one event to its end: claimed, answered, settled; or parked, or buried, with its reason (I7)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from audio.clips import Line
from consumer import resume
from consumer.budget import DEADLINE_SECONDS, Budget
from consumer.bugs import where
from consumer.carried import Carried
from consumer.events import Unreadable
from consumer.lease import LEASE_SECONDS, Lease, boottime, claimed, given_back
from consumer.letters import failed_stage, letter_of, told
from consumer.notices import EventPassed, MemoFenced, MemoParked, MemoReleased, MemoSettled, MemoTaken
from consumer.pipeline import NotKept
from consumer.progress import Progress
from consumer.stages.apology import Apology
from consumer.stages.fetch import NoRecording
from consumer.work import brought, remembered
from providers.errors import ProviderError, Verdict
from storage.errors import Fenced, StoreUnavailable
from storage.ledger import Behind, Claim, DeadLetter, Held, MemoKey, Parked, Settled, State

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from consumer.bugs import BugLimit
    from consumer.events import TextMessage, VoiceMemo
    from consumer.memo import Delivered
    from consumer.notices import Notices
    from consumer.outbox import Outbox
    from consumer.pipeline import Pipeline
    from consumer.retries import Retries
    from consumer.work import Work
    from storage.ledger import Event, Ledger

_HELD_PATIENCE_SECONDS = 5.0
"""How long to wait, at most, before asking again for a memo that somebody else holds."""
_STORE_AWAY_SECONDS = 1.0
_AT_ONCE_SECONDS = 0.05

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Handler:
    """What is done with one voice memo, one text message, or one event that cannot be read.

    Its calls give None when the event has come to its end, so that its offset may be committed; else after how many
    seconds to call again. While nobody waits for that the event costs its chat, and nobody else.
    """

    pipeline: Pipeline
    ledger: Ledger
    outbox: Outbox
    notices: Notices
    bugs: BugLimit
    retries: Retries
    owner: str
    """Who claims: this process and no other."""
    our_numbers: Collection[str] = field(default=(), repr=False)
    person_key: bytes | None = field(default=None, repr=False)
    """Secret behind the names under which the ledger knows people; None: it does not."""
    lease_seconds: float = LEASE_SECONDS
    deadline_seconds: float = DEADLINE_SECONDS
    clock: Callable[[], float] = field(default=perf_counter, repr=False)
    lease_clock: Callable[[], float] = field(default=boottime, repr=False)
    carried: Carried = field(default_factory=Carried, repr=False)

    async def take(
        self, event: Event, parsed: VoiceMemo | TextMessage | Unreadable, owned: Callable[[], bool]
    ) -> float | None:
        """Bring an event from Kafka to its end. Raises TooManyBugs when the worker has to stop."""
        try:
            if isinstance(parsed, Unreadable) and parsed.chat_id is None:
                await self._bury(DeadLetter(event, parsed.reason, "parse"))
                return None
            return await self._take(brought(event, parsed, owned))
        except StoreUnavailable as away:
            log.warning("ledger.away", extra={"error": str(away)})
            return _STORE_AWAY_SECONDS

    async def take_up(self, key: MemoKey, owned: Callable[[], bool]) -> None:
        """Try a parked memo again. What cannot be done now stays parked. Raises TooManyBugs."""
        try:
            asked_at = self.lease_clock()
            claim = await self._resumed(key)
            if isinstance(claim, Claim):
                await self._hold(claim, self._lease(claim, asked_at, owned))
        except StoreUnavailable as away:
            log.warning("ledger.away", extra={"error": str(away)})

    async def revive(self, key: MemoKey, *, without: Collection[str], again: bool) -> State | Held | Settled:
        """Answer a memo for an operator, now; give how that ended, or who holds it, or how it had ended before.

        Args:
            key: of the memo.
            without: names of facts to do without, so that what they stand for is done again.
            again: whether one that was answered before gets a further reply.

        Raises:
            KeyError: there is no such memo.
            StoreUnavailable: the ledger is away.
            Fenced: another has taken it meanwhile.
        """
        asked_at, seconds = self.lease_clock(), self.lease_seconds
        reviving = self.ledger.revive(key, owner=self.owner, lease_seconds=seconds, without=without, again=again)
        claim = await claimed(reviving, self.ledger)
        if not isinstance(claim, Claim):
            return claim
        lease = self._lease(claim, asked_at, lambda: True)
        work = await self._remembered(claim, lease, may_park=False)
        return await self._worked(claim, lease, work)

    async def _take(self, work: Work) -> float | None:
        key = MemoKey(work.memo.chat_id, work.memo.message_id)
        facts = resume.known_facts(work.memo, self.person_key)
        asked_at = self.lease_clock()
        claiming = self.ledger.claim(key, owner=self.owner, lease_seconds=self.lease_seconds, facts=facts)
        answer = await claimed(claiming, self.ledger)
        match answer:
            case Claim():
                return await self._hold(answer, self._lease(answer, asked_at, work.owned), work)
            case Held(_, seconds_left):
                return min(max(seconds_left, _AT_ONCE_SECONDS), _HELD_PATIENCE_SECONDS)
            case Behind() if work.event is not None:
                if not await self.ledger.park_behind(key, work.event, facts=facts):
                    return _AT_ONCE_SECONDS
                self.notices(EventPassed("parked-behind"))
            case Parked():
                self.notices(EventPassed("parked-before"))
            case _:
                self.notices(EventPassed("settled-before"))
        return None

    async def _resumed(self, key: MemoKey) -> Claim | Held | Behind | Settled | None:
        resuming = self.ledger.resume(key, owner=self.owner, lease_seconds=self.lease_seconds)
        try:
            return await claimed(resuming, self.ledger)
        except KeyError:
            return None  # it was purged since it was found to be due

    def _lease(self, claim: Claim, asked_at: float, owned: Callable[[], bool]) -> Lease:
        return Lease(
            self.ledger, claim, seconds=self.lease_seconds, asked_at=asked_at, owned=owned, clock=self.lease_clock
        )

    async def _remembered(self, claim: Claim, lease: Lease, *, may_park: bool = True) -> Work:
        """Read what brought a memo from the ledger. That may be 35 MB: it takes a thread, and longer than a lease."""
        try:
            async with lease.kept():
                event = await self.ledger.event(claim.key)
                read = partial(remembered, claim, event, lease.owned, our_numbers=self.our_numbers, may_park=may_park)
                return await asyncio.to_thread(read)
        except asyncio.CancelledError:
            await given_back(claim, self.ledger)
            raise

    async def _hold(self, claim: Claim, lease: Lease, work: Work | None = None) -> float | None:
        """Work on a memo that is ours; when it turns out not to be any more, look again who has it."""
        try:
            await self._worked(claim, lease, work or await self._remembered(claim, lease))
        except Fenced:
            self.notices(MemoFenced(claim.key, claim.fence))
            return _STORE_AWAY_SECONDS
        return None

    async def _worked(self, claim: Claim, lease: Lease, work: Work) -> State:
        """Work on a memo under its lease; give the state that it ended or was parked in."""
        self.notices(MemoTaken(claim.key, claim.fence, work.place, work.trace))
        budget = Budget(self.deadline_seconds, self.clock)
        facts = self.carried.into(claim)
        progress = Progress(claim, self.ledger, self.notices, lease, self.clock, budget=budget, facts=facts)
        try:
            async with lease.kept():
                return await self._ended(progress, work)
        except asyncio.CancelledError:
            self.notices(MemoReleased(claim.key, claim.fence, "cancelled"))
            await given_back(claim, self.ledger, progress.steps)
            raise
        except StoreUnavailable:
            self.notices(MemoReleased(claim.key, claim.fence, "store-away"))
            self.carried.keep(claim, progress.facts)
            raise
        except Fenced:
            self.carried.keep(claim, progress.facts)
            raise

    async def _ended(self, progress: Progress, work: Work) -> State:
        """Answer, and settle or park the memo according to how that went."""
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
        """End a memo that was not delivered, unless a later try may help, or its original is still to be kept (I5)."""
        reason = f"{failed_stage(progress)}-{failure.reason}"
        tried_again = work.may_park and failure.verdict is not Verdict.NEVER
        if (tried_again or progress.owes_original) and self._may_wait(progress, work):
            return await self._park(progress, work, reason, asked_seconds=failure.retry_after_seconds or 0.0)
        return await self._settle(progress, work, begun, State.FAILED, reason)

    async def _not_kept(self, progress: Progress, work: Work, begun: float, owing: NotKept) -> State:
        if self._may_wait(progress, work):
            return await self._park(progress, work, owing.reason, holds_chat=False)
        return await self._delivered(progress, work, begun, owing.delivered, why=owing.reason)

    async def _broke(self, progress: Progress, work: Work, begun: float, bug: Exception) -> State:
        reason = f"bug-{type(bug).__name__}"
        progress.met(bug)
        log.error("memo.broke", extra={"error": type(bug).__name__, "where": where(bug)})
        try:
            apologised = await self._apologised(progress, work, reason)
        except ProviderError as failure:
            return await self._failed(progress, work, begun, failure)
        except NotKept as owing:
            return await self._not_kept(progress, work, begun, owing)
        state = State.APOLOGISED if apologised else State.DEAD
        return await self._settle(progress, work, begun, state, reason)

    async def _apologised(self, progress: Progress, work: Work, reason: str) -> bool:
        """Let the person hear something though we met a bug; say whether they did. What is out is found first."""
        try:
            delivered = await self.pipeline(work.memo, progress, Apology(Line.NOT_PROCESSED, reason))
        except (ProviderError, NotKept, StoreUnavailable, Fenced):
            raise
        except Exception as another:  # noqa: BLE001 - boundary: the same one, met again while apologising for it
            log.error("apology.broke", extra={"error": type(another).__name__, "where": where(another)})  # noqa: TRY400 (I6)
            return False
        progress.facts.update(sent_id=delivered.sent_id, form=delivered.form.value)
        return True

    def _may_wait(self, progress: Progress, work: Work) -> bool:
        return work.event is not None and not self.retries.given_up(progress.claim.age_seconds)

    async def _park(
        self, progress: Progress, work: Work, reason: str, *, holds_chat: bool = True, asked_seconds: float = 0.0
    ) -> State:
        """Let the memo wait in the ledger: it holds up its chat until its reply is out, and no partition or slot."""
        claim, event = progress.claim, work.event
        if event is None:
            raise RuntimeError("a memo is parked with its event")
        seconds = self.retries.delay_seconds(claim.tries, asked_seconds=asked_seconds)
        steps = tuple(progress.steps)
        park = partial(self.ledger.park, claim, event, seconds=seconds, reason=reason, holds_chat=holds_chat)
        await progress.persist(lambda: park(facts=progress.facts, steps=steps))
        self.notices(MemoParked(claim.key, reason, seconds, claim.tries + 1))
        return progress.state

    async def _settle(self, progress: Progress, work: Work, begun: float, state: State, reason: str | None) -> State:
        """End the memo, with its dead letter in the same step where it has one. Raises TooManyBugs, having done so."""
        claim, letter = progress.claim, letter_of(progress, work.event, state, reason)
        facts, steps = progress.facts, tuple(progress.steps)
        await progress.persist(
            lambda: self.ledger.settle(claim, state, reason=reason, facts=facts, steps=steps, letter=letter)
        )
        form, written = progress.facts.get("form"), work.memo.text is not None
        seconds = self.clock() - begun
        settled = MemoSettled(claim.key, state.value, reason, str(form) if form else None, seconds, written=written)
        self.notices(settled)
        if letter is not None:
            self._post(letter)
        if progress.bug is not None:
            self.bugs.count()
        return state

    async def _bury(self, letter: DeadLetter) -> None:
        """Keep what is no memo for a person to find."""
        await self.ledger.bury(letter)
        self._post(letter)

    def _post(self, letter: DeadLetter) -> None:
        self.notices(told(letter))
        self.outbox.post(letter)
