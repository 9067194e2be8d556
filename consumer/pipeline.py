"""Pipeline: the stages in order. Reading it is reading the product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audio import clips
from consumer.asides import Asides
from consumer.memo import Answering
from consumer.stages.apology import Apology
from consumer.stages.hear import last_language
from storage.ledger import State

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Awaitable

    from consumer.memo import Decoded, Delivered, Fetched, Memo
    from consumer.progress import Progress
    from consumer.stages.answer import Answer
    from consumer.stages.decode import Decode
    from consumer.stages.deliver import Deliver
    from consumer.stages.fetch import Fetch
    from consumer.stages.hear import Hear
    from consumer.stages.keep import Keep
    from consumer.stages.remember import Recall, Remember
    from consumer.stages.speak import Speak
    from providers.ports import Messenger
    from storage.history import Turn

_ASIDE_SECONDS = 30.0
"""How long an upload or a history write may take before it is owed, in seconds."""


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

    async def __call__(self, memo: Memo, progress: Progress) -> Delivered:
        """Take a memo all the way to its spoken answer, or to a spoken apology.

        Raises:
            NoRecording: it was no voice memo after all.
            ProviderError: the Series API could not be had, or refused everything.
            Fenced: the memo is no longer ours.
            StoreUnavailable: the ledger is away; nothing was sent.
        """
        async with Asides(progress, patience_seconds=_ASIDE_SECONDS) as asides, self.messenger.typing(memo.chat_id):
            past = self._recalling(memo, asides)
            try:
                answering = await self._answering(memo, past, progress, asides)
            except Apology as apology:
                answering = await self._apologising(memo, apology, past)
            return await self._spoken_and_sent(answering, progress, asides)

    async def apologise(self, memo: Memo, apology: Apology, progress: Progress) -> Delivered:
        """Answer what could not even be read with a spoken apology. Raises as the call does."""
        async with Asides(progress, patience_seconds=_ASIDE_SECONDS) as asides:
            past = self._recalling(memo, asides)
            return await self._spoken_and_sent(await self._apologising(memo, apology, past), progress, asides)

    def _recalling(self, memo: Memo, asides: Asides) -> Task[tuple[Turn, ...]]:
        """Begin to read the past; it is read while others work, and empty when history is away."""
        nothing: tuple[Turn, ...] = ()
        return asides.start("recall", lambda: self.recall(memo), otherwise=nothing)

    async def _answering(
        self, memo: Memo, past: Task[tuple[Turn, ...]], progress: Progress, asides: Asides
    ) -> Answering:
        fetched = await self._fetched(memo, progress, asides)
        decoded = await self._decoded(fetched, progress, asides)
        with progress.stage("hear") as timing:
            heard = await self.hear(decoded, past, progress, timing)
        await progress.advance(State.HEARD, {"transcript": heard.words, "language": heard.language})
        with progress.stage("answer") as timing:
            answering = await self.answer(heard, progress, timing)
        await progress.advance(State.ANSWERED_TEXT, {"reply": answering.text})
        return answering

    async def _fetched(self, memo: Memo, progress: Progress, asides: Asides) -> Fetched:
        with progress.stage("fetch"):
            fetched = await self.fetch(memo)
        asides.start("keep", lambda: _noted(progress, "original", self.keep.original(fetched)), otherwise=None)
        return fetched

    async def _decoded(self, fetched: Fetched, progress: Progress, asides: Asides) -> Decoded:
        with progress.stage("decode"):
            decoded = await self.decode(fetched)
        progress.facts["seconds"] = decoded.wav.seconds
        asides.start("keep-wav", lambda: _noted(progress, "wav", self.keep.wav(decoded)), otherwise=None)
        return decoded

    async def _apologising(self, memo: Memo, apology: Apology, past: Task[tuple[Turn, ...]]) -> Answering:
        """Choose the line in the person's language: what they last spoke here, else the default."""
        text, language = clips.words(apology.line, last_language(await past) or self.default_language)
        return Answering(memo, text, language, rung="line", line=apology.line, reason=apology.reason)

    async def _spoken_and_sent(self, answering: Answering, progress: Progress, asides: Asides) -> Delivered:
        with progress.stage("speak") as timing:
            spoken = await self.speak(answering, progress, timing)
        await progress.advance(State.SPOKEN, {"voice": spoken.rung})
        asides.start("keep-reply", lambda: _noted(progress, "spoken", self.keep.reply(spoken)), otherwise=None)
        with progress.stage("deliver") as timing:
            delivered = await self.deliver(spoken, progress, timing)
        heard = answering.heard
        if heard is not None:
            asides.start("remember", lambda: self.remember(heard, delivered), otherwise=None)
        await asides.finish()
        progress.facts["owed"] = sorted(asides.owed)
        return delivered


async def _noted(progress: Progress, fact: str, key: Awaitable[str]) -> None:
    """Store the key that something is kept under with the memo's facts."""
    progress.facts[fact] = await key
