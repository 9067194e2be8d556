"""Handler: brings one event to its end: claimed, answered, settled; or parked, or buried, with its reason (I7)."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from audio.clips import Line
from consumer import resume
from consumer.budget import DEADLINE_SECONDS, Budget
from consumer.bugs import digest, where
from consumer.carried import Carried
from consumer.events import Unreadable
from consumer.lease import LEASE_SECONDS, Lease, boottime
from consumer.notices import EventBuried, EventPassed, MemoFenced, MemoParked, MemoReleased, MemoSettled, MemoTaken
from consumer.pipeline import NotKept
from consumer.progress import Progress, reason_of
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

_NOTHING_LOST = frozenset({"silence", "no-words"})
"""Apologies after which nothing is left to be done: there was nothing to answer."""
_HELD_PATIENCE_SECONDS = 5.0
"""How long to wait, at most, before asking again for a memo that somebody else holds."""
_STORE_AWAY_SECONDS = 1.0
_AT_ONCE_SECONDS = 0.05
_RELEASE_SECONDS = 3.0

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
            claim = await self.ledger.resume(key, owner=self.owner, lease_seconds=self.lease_seconds)
            if not isinstance(claim, Claim):
                return
            event = await self.ledger.event(key)
            # In a thread, for an event may carry 35 MB.
            work = await asyncio.to_thread(remembered, claim, event, owned, our_numbers=self.our_numbers)
            await self._hold(claim, asked_at, work)
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
        asked_at = self.lease_clock()
        claim = await self.ledger.revive(
            key, owner=self.owner, lease_seconds=self.lease_seconds, without=without, again=again
        )
        if not isinstance(claim, Claim):
            return claim
        event = await self.ledger.event(key)
        work = remembered(claim, event, lambda: True, our_numbers=self.our_numbers, may_park=False)
        return await self._worked(claim, asked_at, work)

    async def _take(self, work: Work) -> float | None:
        key = MemoKey(work.memo.chat_id, work.memo.message_id)
        facts = resume.known_facts(work.memo, self.person_key)
        asked_at = self.lease_clock()
        answer = await self.ledger.claim(key, owner=self.owner, lease_seconds=self.lease_seconds, facts=facts)
        match answer:
            case Claim():
                return await self._hold(answer, asked_at, work)
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

    async def _hold(self, claim: Claim, asked_at: float, work: Work) -> float | None:
        """Work on a memo that is ours; when it turns out not to be any more, look again who has it."""
        try:
            await self._worked(claim, asked_at, work)
        except Fenced:
            self.notices(MemoFenced(claim.key, claim.fence))
            return _STORE_AWAY_SECONDS
        return None

    async def _worked(self, claim: Claim, asked_at: float, work: Work) -> State:
        """Work on a memo under its lease; give the state that it ended or was parked in."""
        self.notices(MemoTaken(claim.key, claim.fence, work.place, work.trace))
        lease = Lease(
            self.ledger,
            claim,
            seconds=self.lease_seconds,
            asked_at=asked_at,
            owned=work.owned,
            clock=self.lease_clock,
        )
        budget = Budget(self.deadline_seconds, self.clock)
        facts = self.carried.into(claim)
        progress = Progress(claim, self.ledger, self.notices, lease, self.clock, budget=budget, facts=facts)
        try:
            async with lease.kept():
                return await self._ended(progress, work)
        except asyncio.CancelledError:
            self.notices(MemoReleased(claim.key, claim.fence, "cancelled"))
            await self._release(claim, progress)
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
        reason = f"{_failed_stage(progress)}-{failure.reason}"
        if failure.verdict is not Verdict.NEVER and self._may_wait(progress, work):
            return await self._park(progress, work, reason, asked_seconds=failure.retry_after_seconds or 0.0)
        return await self._settle(progress, work, begun, State.FAILED, reason)

    async def _not_kept(self, progress: Progress, work: Work, begun: float, owing: NotKept) -> State:
        if self._may_wait(progress, work):
            return await self._park(progress, work, owing.reason, holds_chat=False)
        return await self._delivered(progress, work, begun, owing.delivered, why=owing.reason)

    async def _broke(self, progress: Progress, work: Work, begun: float, bug: Exception) -> State:
        at, reason = where(bug), f"bug-{type(bug).__name__}"
        progress.facts["bug"] = at
        log.error("memo.broke", extra={"error": type(bug).__name__, "where": at})
        try:
            apologised = await self._apologised(progress, work, reason)
        except ProviderError as failure:
            return await self._failed(progress, work, begun, failure)
        except NotKept as owing:
            return await self._not_kept(progress, work, begun, owing)
        state = State.APOLOGISED if apologised else State.DEAD
        await self._settle(progress, work, begun, state, reason, digest=digest(bug))
        self.bugs.count()
        return state

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
        given_up = self.retries.given_up(progress.claim.age_seconds)
        return work.may_park and work.event is not None and not given_up

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

    async def _settle(
        self,
        progress: Progress,
        work: Work,
        begun: float,
        state: State,
        reason: str | None,
        *,
        digest: str | None = None,
    ) -> State:
        """End the memo, with its dead letter in the same step where it has one."""
        claim, letter = progress.claim, None
        if reason is not None and state is not State.IGNORED and reason not in _NOTHING_LOST and work.event:
            stage, tries = _failed_stage(progress), claim.tries + 1
            first_at = time.time() - claim.age_seconds
            letter = DeadLetter(work.event, reason, stage, claim.key, tries, digest, first_at, fence=claim.fence)
        facts, steps = progress.facts, tuple(progress.steps)
        await progress.persist(
            lambda: self.ledger.settle(claim, state, reason=reason, facts=facts, steps=steps, letter=letter)
        )
        form = progress.facts.get("form")
        told = str(form) if form else None
        written = work.memo.text is not None
        self.notices(MemoSettled(claim.key, state.value, reason, told, self.clock() - begun, written=written))
        if letter is not None:
            self._post(letter)
        return state

    async def _bury(self, letter: DeadLetter) -> None:
        """Keep what is no memo for a person to find."""
        await self.ledger.bury(letter)
        self._post(letter)

    def _post(self, letter: DeadLetter) -> None:
        self.notices(EventBuried(*_coordinates(letter), letter.reason))
        self.outbox.post(letter)

    async def _release(self, claim: Claim, progress: Progress) -> None:
        """Let another have the memo at once; should that fail, the lease runs out by itself."""
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                await self.ledger.release(claim, steps=tuple(progress.steps))
        except (StoreUnavailable, TimeoutError) as error:
            log.warning("memo.not_released", extra={"error": reason_of(error)})


def _coordinates(letter: DeadLetter) -> tuple[str, int, int]:
    place = letter.event.place
    return place.topic, place.partition, place.offset


def _failed_stage(progress: Progress) -> str:
    """Name the last stage that failed."""
    return next((step.stage for step in reversed(progress.steps) if step.error and step.rung is None), "unknown")
