"""Pipeline: the stages in order. Reading it is reading the product.

A second attempt goes the same way, and takes what the first one gained from the ledger and the archive (I10).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from audio import clips
from consumer import budget, resume
from consumer.asides import Asides
from consumer.memo import Answering, Fetched, Spoken
from consumer.progress import CannotAnswer
from consumer.stages.apology import Apology
from consumer.stages.hear import last_language
from consumer.texting import Texting
from storage.errors import ArchiveError
from storage.ledger import State

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Awaitable

    from audio.streaming_decode import StreamingDecode
    from consumer.draft import Drafts
    from consumer.memo import Decoded, Delivered, Heard, Memo
    from consumer.progress import Progress
    from consumer.stages.answer import Answer
    from consumer.stages.decode import Decode
    from consumer.stages.deliver import Deliver
    from consumer.stages.fetch import Fetch
    from consumer.stages.hear import Hear
    from consumer.stages.keep import Keep
    from consumer.stages.remember import Recall, Remember
    from consumer.stages.speak import Rehearsal, Speak
    from providers.ladder import Ladder
    from providers.ports import Messenger
    from storage.history import Turn

_KEEP_REPLY_SECONDS = 5.0
"""How long the person waits, at most, for the reply to be kept before it is sent, in seconds."""


class NotKept(Exception):
    """The reply is out, and the original is neither in the archive nor owed to it: nothing may be settled yet (I5)."""

    reason = "not-kept"

    def __init__(self, delivered: Delivered) -> None:
        super().__init__(self.reason)
        self.delivered = delivered


@dataclass(frozen=True, slots=True)
class _Beside:
    """What goes on beside the main line of one memo."""

    asides: Asides
    past: Task[tuple[Turn, ...]]
    """What was said before, being read."""
    drafts: Drafts
    """The reply, being spoken while it is written."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Answers one memo."""

    messenger: Messenger
    fetch: Fetch
    keep: Keep
    decode: Decode
    recall: Recall
    hear: Hear
    answer: Answer
    speak: Speak
    deliver: Deliver
    remember: Remember
    default_language: str

    @property
    def ladders(self) -> tuple[Ladder[..., Any], ...]:
        """All ladders, for those who watch them."""
        return self.hear.transcribers, self.answer.repliers, self.speak.voices

    async def __call__(self, memo: Memo, progress: Progress, apology: Apology | None = None) -> Delivered:
        """Take a memo all the way to its spoken answer, or to a spoken apology: the one given, or one that it earns.

        A message that was written goes its own way, to an answer in writing.

        Raises:
            NoRecording: it was no voice memo after all.
            ProviderError: the Series API could not be had, or refused everything.
            Fenced: the memo is no longer ours.
            NotKept: all is done but keeping the original.
        """
        if memo.text is not None:
            return await self._texting()(memo, memo.text, progress, apology)
        async with Asides(progress) as asides, self.messenger.typing(memo.chat_id):
            delivered = await self.deliver.found(memo, progress)
            if delivered is None:
                spoken = await self._answered_aloud(memo, apology, progress, asides)
                with progress.stage("deliver") as timing:
                    delivered = await self.deliver(spoken, progress, timing)
            else:
                self._keeping(memo, progress, asides)
            return await self._finished(delivered, progress, asides)

    def _texting(self) -> Texting:
        return Texting(self.messenger, self.recall, self.answer, self.deliver, self.remember, self.default_language)

    async def _answered_aloud(self, memo: Memo, apology: Apology | None, progress: Progress, asides: Asides) -> Spoken:
        """Write the reply, and speak it meanwhile."""
        past = self.recall.begun(memo, asides)
        async with self.speak.rehearsing(progress) as rehearsal:
            beside = _Beside(asides, past, rehearsal.drafts)
            answering = await self._answering_or_apologising(memo, apology, progress, beside)
            return await self._spoken(answering, progress, asides, rehearsal)

    async def _answering_or_apologising(
        self, memo: Memo, apology: Apology | None, progress: Progress, beside: _Beside
    ) -> Answering:
        if apology is not None:
            self._keeping(memo, progress, beside.asides)
            return await self._apologising(memo, apology, beside.past, progress)
        try:
            return await self._answering(memo, progress, beside)
        except Apology as earned:
            return await self._apologising(memo, earned, beside.past, progress)

    async def _answering(self, memo: Memo, progress: Progress, beside: _Beside) -> Answering:
        known = resume.answering(memo, progress.facts)
        if known is not None:
            self._keeping(memo, progress, beside.asides)
            return known
        heard = await self._heard(memo, progress, beside)
        with progress.stage("answer") as timing:
            answering = await self.answer(heard, progress, timing, beside.drafts)
        gained = {"reply": answering.text, "replier": answering.rung, "line": None, "reason": None}
        await progress.advance(State.ANSWERED_TEXT, gained)
        return answering

    async def _heard(self, memo: Memo, progress: Progress, beside: _Beside) -> Heard:
        known = resume.heard(memo, progress.facts)
        if known is not None:
            self._keeping(memo, progress, beside.asides)
            return replace(known, past=await beside.past)
        async with self.decode.ahead() as ahead:
            fetched = await self._fetched(memo, progress, beside.asides, ahead)
            decoded = await self._decoded(fetched, progress, beside.asides, ahead)
        with progress.stage("hear") as timing:
            heard = await self.hear(decoded, beside.past, progress, timing)
        gained = {"transcript": heard.words, "language": heard.language, "ears": heard.rung}
        await progress.advance(State.HEARD, gained)
        return heard

    async def _fetched(self, memo: Memo, progress: Progress, asides: Asides, ahead: StreamingDecode) -> Fetched:
        with progress.stage("fetch") as timing:
            fetched = await self._from_archive(memo, progress)
            if fetched is not None:
                timing.rung = "archive"
                return fetched
            fetched = await self.fetch(memo, seconds=progress.budget.part(budget.FETCH), onlooker=ahead)
        progress.facts["fetched"] = True
        asides.start("keep", lambda: self._kept(fetched, progress), otherwise=None)
        return fetched

    async def _from_archive(self, memo: Memo, progress: Progress) -> Fetched | None:
        key = progress.facts.get("original")
        if not isinstance(key, str):
            return None
        try:
            return Fetched(memo, await self.keep.kept(key))
        except ArchiveError:
            return None

    async def _kept(self, fetched: Fetched, progress: Progress) -> None:
        key = await self.keep.original(fetched)
        await progress.advance(State.KEPT, {"original": key})

    def _keeping(self, memo: Memo, progress: Progress, asides: Asides) -> None:
        """See that the original is kept, where an earlier holder has had it and did not come to that."""
        if progress.owes_original:
            asides.start("keep", lambda: self._fetched_and_kept(memo, progress), otherwise=None)

    async def _fetched_and_kept(self, memo: Memo, progress: Progress) -> None:
        try:
            fetched = await self.fetch(memo)
        except CannotAnswer as gone:
            raise ArchiveError("the original cannot be had any more") from gone
        await self._kept(fetched, progress)

    async def _decoded(self, fetched: Fetched, progress: Progress, asides: Asides, ahead: StreamingDecode) -> Decoded:
        with progress.stage("decode"):
            decoded = await self.decode(fetched, ahead)
        progress.facts["seconds"] = decoded.wav.seconds
        asides.start("keep-wav", lambda: _noted(progress, "wav", self.keep.wav(decoded)), otherwise=None)
        return decoded

    async def _apologising(
        self, memo: Memo, apology: Apology, past: Task[tuple[Turn, ...]], progress: Progress
    ) -> Answering:
        """Choose the line in the person's language: what they last spoke here, else the default."""
        text, language = clips.words(apology.line, last_language(await past) or self.default_language)
        progress.facts.update(line=apology.line.value, reason=apology.reason, language=language)
        return Answering(memo, text, language, rung="line", line=apology.line, reason=apology.reason)

    async def _spoken(self, answering: Answering, progress: Progress, asides: Asides, rehearsal: Rehearsal) -> Spoken:
        known = await self._spoken_before(answering, progress)
        if known is not None:
            return known
        with progress.stage("speak") as timing:
            spoken = await self.speak(answering, progress, timing, rehearsal)
        progress.facts["spoken"] = None
        keeping = asides.start("keep-reply", lambda: self._kept_reply(spoken, progress), otherwise=None)
        if answering.line is None:  # what the voice was paid for is kept before it is sent, unless that takes too long
            await asyncio.wait([keeping], timeout=min(_KEEP_REPLY_SECONDS, progress.budget.part(budget.KEEP)))
        await progress.advance(State.SPOKEN, {"voice": spoken.rung, "said": spoken.said})
        return spoken

    async def _spoken_before(self, answering: Answering, progress: Progress) -> Spoken | None:
        """Take the voice that was paid for from the archive; a pre-written line costs nothing and is made anew."""
        key, said, voice = (progress.facts.get(name) for name in ("spoken", "said", "voice"))
        if answering.line is not None or not (isinstance(key, str) and isinstance(said, str)):
            return None
        try:
            with progress.stage("speak") as timing:
                timing.rung = "archive"
                return Spoken(answering, await self.keep.kept(key), said, str(voice))
        except ArchiveError:
            return None

    async def _kept_reply(self, spoken: Spoken, progress: Progress) -> None:
        await _noted(progress, "spoken", self.keep.reply(spoken, progress.claim.generation))

    async def _finished(self, delivered: Delivered, progress: Progress, asides: Asides) -> Delivered:
        heard = delivered.answering.heard
        if heard is not None:
            asides.start("remember", lambda: self.remember(heard, delivered), otherwise=None)
        await asides.finish()
        progress.facts["owed"] = sorted(asides.owed)
        if "keep" in asides.owed:
            raise NotKept(delivered)
        return delivered


async def _noted(progress: Progress, fact: str, key: Awaitable[str]) -> None:
    """Store the key that something is kept under with the memo's facts."""
    progress.facts[fact] = await key
