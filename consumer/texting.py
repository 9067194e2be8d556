"""Texting: text in, text out. The way of a message that was written: no recording, no voice, and all else the same.

Read ─ Answer ─ Deliver, with the same history, the same models, the same ledger and the same rule of one reply.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from consumer import resume
from consumer.asides import Asides
from consumer.draft import Drafts
from consumer.memo import Answering, Heard
from consumer.stages.hear import last_language
from providers.language import identify
from providers.local import canned_reply
from providers.written import Written
from storage.ledger import State

if TYPE_CHECKING:
    from asyncio import Task

    from consumer.memo import Delivered, Memo
    from consumer.progress import Progress
    from consumer.stages.answer import Answer
    from consumer.stages.apology import Apology
    from consumer.stages.deliver import Deliver
    from consumer.stages.remember import Recall, Remember
    from providers.ports import Messenger
    from storage.history import Turn

_READ = "read"
"""Who made out the words: nobody had to."""


@dataclass(frozen=True, slots=True)
class Texting:
    """Answers one text message."""

    messenger: Messenger
    recall: Recall
    answer: Answer
    deliver: Deliver
    remember: Remember
    default_language: str

    async def __call__(self, memo: Memo, text: str, progress: Progress, apology: Apology | None = None) -> Delivered:
        """Take a message all the way to its answer, or to an apology, where one is given.

        Raises:
            ProviderError: the Series API could not be had, or refused.
            Fenced: the message is no longer ours.
        """
        async with Asides(progress) as asides, self.messenger.typing(memo.chat_id):
            delivered = await self.deliver.found(memo, progress)
            if delivered is None:
                past = self.recall.begun(memo, asides)
                answering = await self._answering(memo, text, past, progress, apology)
                with progress.stage("deliver") as timing:
                    delivered = await self.deliver.in_writing(answering, progress, timing)
            heard = delivered.answering.heard
            if heard is not None:
                asides.start("remember", lambda: self.remember(heard, delivered), otherwise=None)
            await asides.finish()
            progress.facts["owed"] = sorted(asides.owed)
            return delivered

    async def _answering(
        self, memo: Memo, text: str, past: Task[tuple[Turn, ...]], progress: Progress, apology: Apology | None
    ) -> Answering:
        if apology is not None:
            return await self._apologising(memo, past, progress, apology)
        known = resume.answering(memo, progress.facts)
        if known is not None:
            return known
        heard = await self._read(memo, text, past, progress)
        with progress.stage("answer") as timing:
            answering = await self.answer(heard, progress, timing, Drafts(Written))
        gained = {"reply": answering.text, "replier": answering.rung, "line": None, "reason": None}
        await progress.advance(State.ANSWERED_TEXT, gained)
        return answering

    async def _read(self, memo: Memo, text: str, past: Task[tuple[Turn, ...]], progress: Progress) -> Heard:
        """Tell the language."""
        known = resume.heard(memo, progress.facts)
        if known is not None:
            return replace(known, past=await past)
        with progress.stage("read"):
            turns = await past
            last = last_language(turns)
            language = await asyncio.to_thread(identify, text, reported=None, last=last, default=self.default_language)
        await progress.advance(State.HEARD, {"language": language, "ears": _READ})
        return Heard(memo, text, language, _READ, turns)

    async def _apologising(
        self, memo: Memo, past: Task[tuple[Turn, ...]], progress: Progress, apology: Apology
    ) -> Answering:
        """Say the canned sentence, in the language that the person last used here, else the default."""
        language = last_language(await past) or self.default_language
        progress.facts.update(line=apology.line.value, reason=apology.reason)
        return Answering(memo, canned_reply(language), language, "line", line=apology.line, reason=apology.reason)
