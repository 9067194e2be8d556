"""Handler: brings one event to its end: claimed, answered, settled; or buried, with its reason (I7)."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from audio.clips import Line
from consumer.bugs import where
from consumer.events import Unreadable, VoiceMemo
from consumer.lease import LEASE_SECONDS, renewed
from consumer.memo import Memo
from consumer.notices import EventBuried, EventPassed, MemoSettled, MemoTaken
from consumer.progress import Progress, reason_of
from consumer.source import SourceError
from consumer.stages.apology import Apology
from consumer.stages.fetch import NoRecording
from providers.errors import ProviderError
from storage.errors import Fenced, StoreUnavailable
from storage.ledger import Claim, DeadLetter, Held, MemoKey, Settled, State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.bugs import BugLimit
    from consumer.memo import Delivered
    from consumer.notices import Notices
    from consumer.pipeline import Pipeline
    from consumer.source import DeadLetterTopic, Record
    from storage.ledger import JsonValue, Ledger

_NOTHING_LOST = frozenset({"silence", "no-words"})
"""Apologies after which nothing is left to be done: there was nothing to answer."""
_HELD_PATIENCE_SECONDS = 5.0
"""How long to wait, at most, before asking again for a memo that somebody else holds."""
_BURY_FOR_SECONDS = 60.0
_STORE_AWAY_SECONDS = 1.0
_RELEASE_SECONDS = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Handler:
    """What is done with one voice memo, or with one event that cannot be read."""

    pipeline: Pipeline
    ledger: Ledger
    dead_letters: DeadLetterTopic
    notices: Notices
    bugs: BugLimit
    owner: str
    """Who claims: this process and no other."""
    clock: Callable[[], float] = field(default=perf_counter)

    async def __call__(self, record: Record, event: VoiceMemo | Unreadable) -> None:
        """Bring the event to its end; when this returns, its offset may be committed.

        Raises:
            SourceError: the dead-letter topic cannot be had, so the offset must not be committed.
            TooManyBugs: the worker has to stop.
        """
        match event:
            case VoiceMemo(memo):
                await self._hold(record, memo, lambda progress: self.pipeline(memo, progress))
            case Unreadable(reason, None):
                await self._bury(record, DeadLetter(*record.partition, record.offset, reason, "parse"))
            case Unreadable(reason, str(chat_id)):
                memo = _unread(record, chat_id)
                apology = Apology(Line.NOT_PROCESSED, reason)
                await self._hold(record, memo, lambda progress: self.pipeline.apologise(memo, apology, progress))

    async def _hold(self, record: Record, memo: Memo, answer: Callable[[Progress], Awaitable[Delivered]]) -> None:
        """Claim the memo and work on it, as often as it takes until it is settled, by us or by another."""
        key = MemoKey(memo.chat_id, memo.message_id)
        while True:
            claim = await self._claim(key, memo)
            if claim is None:
                self.notices(EventPassed("settled-before"))
                return
            progress = Progress(claim, self.ledger, self.notices, self.clock)
            try:
                async with renewed(self.ledger, claim):
                    await self._settle(record, progress, answer)
            except Fenced:
                log.warning("memo.fenced", extra={"chat_id": key.chat_id, "message_id": key.message_id})
            except StoreUnavailable:
                await asyncio.sleep(_STORE_AWAY_SECONDS)
            except asyncio.CancelledError:
                await self._release(claim, progress)
                raise
            else:
                return

    async def _claim(self, key: MemoKey, memo: Memo) -> Claim | None:
        """Wait until the memo is ours; None when it is settled. A store that is away is waited for: we do not guess."""
        facts: dict[str, JsonValue] = {"sent_at": memo.sent_at.isoformat(), "group": memo.group}
        while True:
            try:
                answer = await self.ledger.claim(key, owner=self.owner, lease_seconds=LEASE_SECONDS, facts=facts)
            except StoreUnavailable:
                log.warning("ledger.away")
                await asyncio.sleep(_STORE_AWAY_SECONDS)
                continue
            match answer:
                case Claim():
                    self.notices(MemoTaken(key, answer.fence))
                    return answer
                case Settled():
                    return None
                case Held(_, seconds_left):
                    await asyncio.sleep(min(max(seconds_left, 0.05), _HELD_PATIENCE_SECONDS))

    async def _settle(
        self, record: Record, progress: Progress, answer: Callable[[Progress], Awaitable[Delivered]]
    ) -> None:
        begun = self.clock()
        state, reason, form = await self._outcome(progress, answer)
        if reason is not None and state is not State.IGNORED and reason not in _NOTHING_LOST:
            key, stage = progress.claim.key, _failed_stage(progress)
            await self._bury(record, DeadLetter(*record.partition, record.offset, reason, stage, key))
        if form is not None:
            progress.facts["form"] = form
        await self.ledger.settle(
            progress.claim, state, reason=reason, facts=progress.facts, steps=tuple(progress.steps)
        )
        self.notices(MemoSettled(progress.claim.key, state.value, reason, form, self.clock() - begun))
        if state is State.DEAD:
            self.bugs.count()

    async def _outcome(
        self, progress: Progress, answer: Callable[[Progress], Awaitable[Delivered]]
    ) -> tuple[State, str | None, str | None]:
        """Answer, and say how it ended: state, reason, form."""
        try:
            delivered = await answer(progress)
        except NoRecording as nothing:
            return State.IGNORED, nothing.reason, None
        except ProviderError as failure:
            return State.FAILED, f"{_failed_stage(progress)}-{failure.reason}", None
        except (StoreUnavailable, Fenced):
            raise
        except Exception as bug:  # noqa: BLE001 - boundary: a bug ends this memo, visibly, and no other (I8)
            progress.facts["bug"] = where(bug)
            log.error("memo.broke", extra={"error": type(bug).__name__, "where": where(bug)})  # noqa: TRY400 (I6)
            return State.DEAD, f"bug-{type(bug).__name__}", None
        progress.facts["sent_id"] = delivered.sent_id
        reason = delivered.spoken.answering.reason
        return (State.APOLOGISED if reason else State.ANSWERED), reason, delivered.form.value

    async def _bury(self, record: Record, letter: DeadLetter) -> None:
        """Put the event where a person will find it. Raises SourceError when even that cannot be done."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((SourceError, StoreUnavailable)),
            wait=wait_exponential_jitter(multiplier=0.2, max=5),
            stop=stop_after_delay(_BURY_FOR_SECONDS),
            reraise=True,
        )
        await retrying(self.dead_letters.put, record, reason=letter.reason, stage=letter.stage)
        await retrying(self.ledger.bury, letter)
        self.notices(EventBuried(letter.topic, letter.partition, letter.offset, letter.reason))

    async def _release(self, claim: Claim, progress: Progress) -> None:
        """Let another have the memo at once; should that fail, the lease runs out by itself."""
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                await self.ledger.release(claim, steps=tuple(progress.steps))
        except (StoreUnavailable, TimeoutError) as error:
            log.warning("memo.not_released", extra={"error": reason_of(error)})


def _unread(record: Record, chat_id: str) -> Memo:
    """Stand for an event of which only the chat could be read."""
    return Memo(chat_id, unread_id(record.value or b""), "", record.at, ())


def unread_id(value: bytes) -> str:
    """Give what an event that cannot be read is known by."""
    return f"event-{hashlib.sha256(value).hexdigest()[:32]}"


def _failed_stage(progress: Progress) -> str:
    """Name the last stage that failed."""
    return next((step.stage for step in reversed(progress.steps) if step.error and step.rung is None), "unknown")
