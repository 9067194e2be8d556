"""Pipeline: fetch → decode → hear → answer → speak → deliver.

A later attempt takes the results of an earlier one from ledger and archive (I10). A text message is read instead of
heard, and its reply is not spoken.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audio import clips
from consumer.memo import checkpoint
from consumer.memo.asides import Asides
from consumer.memo.endings import Apology, CannotAnswer, NotKept
from consumer.memo.states import Answering, Fetched, Form, Spoken
from conversation import budget
from conversation.draft import StreamedReplies
from conversation.recent_turns import last_language
from conversation.replying.texted import TextReply
from providers.models.local import canned_reply
from storage.errors import ArchiveError
from storage.states import State

if TYPE_CHECKING:
    from asyncio import Task

    from audio.clip import Clip
    from audio.streaming_decode import StreamingDecode
    from consumer.memo.progress import Progress
    from consumer.memo.states import Decoded, Delivered, Heard, Memo
    from consumer.stages.answer import Answer
    from consumer.stages.decode import Decode
    from consumer.stages.deliver import Deliver
    from consumer.stages.fetch import Fetch
    from consumer.stages.hear import Hear, Read
    from consumer.stages.keep import Keep
    from consumer.stages.remember import Remember
    from consumer.stages.speak import Speak
    from conversation.speaking.rehearsal import Rehearsal
    from providers.fallback.ladder import Ladder
    from providers.ports import Messenger
    from storage.history import PastTurn
    from storage.ledger import JsonValue

_KEEP_REPLY_SECONDS = 5.0
"""Longest wait for a reply to be kept before it is sent."""


@dataclass(frozen=True, slots=True)
class _Run:
    memo: Memo
    progress: Progress
    asides: Asides
    past: Task[tuple[PastTurn, ...]]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Answers a voice memo or a text message."""

    messenger: Messenger
    fetch: Fetch
    keep: Keep
    decode: Decode
    hear: Hear
    read: Read
    answer: Answer
    speak: Speak
    deliver: Deliver
    remember: Remember
    default_language: str

    @property
    def ladders(self) -> tuple[Ladder[..., Any], ...]:
        """All ladders, for monitoring."""
        return self.hear.transcribers, self.answer.repliers, self.speak.voices

    async def __call__(self, memo: Memo, progress: Progress, apology: Apology | None = None) -> Delivered:
        """Answer a message, or apologise: as given, or as a stage demands.

        Raises NoRecording, NotKept, Fenced, and ProviderError when the messenger is away or refuses everything.
        """
        async with Asides(progress) as asides, self.messenger.typing(memo.chat_id):
            self._keep_owed(memo, progress, asides, apology)
            delivered = await self.deliver.find_earlier(memo, progress)
            if delivered is None:
                past = self.remember.recall(memo, asides)
                delivered = await self._reply(_Run(memo, progress, asides, past), apology)
            heard = delivered.answering.heard
            if heard is not None:
                asides.start("remember", self.remember(heard, delivered), otherwise=None)
            await asides.finish()
            progress.facts["owed"] = sorted(asides.owed)
            if "keep" in asides.owed:
                raise NotKept(delivered)
            return delivered

    async def _reply(self, run: _Run, apology: Apology | None) -> Delivered:
        written = run.memo.form is Form.TEXT
        async with self.speak.rehearsing(run.progress) as rehearsal:
            try:
                if apology is not None:
                    raise apology
                facts = run.progress.facts
                heard = checkpoint.restore_heard(run.memo, facts)
                answering = checkpoint.restore_answering(run.memo, facts)
                heard = heard or await (self._read(run) if written else self._hear(run))
                drafts = StreamedReplies(TextReply) if written else rehearsal.drafts
                answering = answering or await self._answer(heard, run, drafts)
            except Apology as earned:
                answering = await self._apology(earned, run)
            reply: Spoken | Answering = answering if written else await self._speak(answering, run, rehearsal)
        with run.progress.stage("deliver") as timing:
            delivered = await self.deliver(reply, run.progress)
            timing.rung = delivered.form.value
        return delivered

    async def _hear(self, run: _Run) -> Heard:
        """Fetch, decode and hear; the recording is freed here."""
        async with self.decode.ahead() as ahead:
            fetched = await self._fetch(run, ahead)
            decoded = await self._decode(fetched, run, ahead)
        with run.progress.stage("hear") as timing:
            heard = await self.hear(decoded, run.past, run.progress)
            timing.rung = heard.rung
        gained = {"transcript": heard.words, "language": heard.language, "ears": heard.rung}
        await run.progress.advance(State.HEARD, gained)
        return heard

    async def _fetch(self, run: _Run, ahead: StreamingDecode) -> Fetched:
        with run.progress.stage("fetch") as timing:
            original = await self._load_archived(run.progress.facts.get("original"))
            if original is not None:
                timing.rung = "archive"
                return Fetched(run.memo, original)
            fetched = await self.fetch(run.memo, seconds=run.progress.budget.share(budget.FETCH), observer=ahead)
        run.progress.facts["fetched"] = True
        run.asides.start("keep", self._keep_original(fetched, run.progress), otherwise=None)
        return fetched

    async def _decode(self, fetched: Fetched, run: _Run, ahead: StreamingDecode) -> Decoded:
        with run.progress.stage("decode"):
            decoded = await self.decode(fetched, ahead)
        run.progress.facts["seconds"] = decoded.wav.seconds
        run.asides.start("keep-wav", self._keep_wav(decoded, run.progress), otherwise=None)
        return decoded

    async def _read(self, run: _Run) -> Heard:
        with run.progress.stage("read"):
            heard = await self.read(run.memo, run.past)
        await run.progress.advance(State.HEARD, {"language": heard.language, "ears": heard.rung})
        return heard

    async def _answer(self, heard: Heard, run: _Run, drafts: StreamedReplies) -> Answering:
        past = await run.past
        with run.progress.stage("answer") as timing:
            answering = await self.answer(heard, past, run.progress, drafts)
            timing.rung = answering.rung
        gained = {"reply": answering.text, "replier": answering.rung, "line": None, "reason": None}
        await run.progress.advance(State.ANSWERED_TEXT, gained)
        return answering

    async def _apology(self, apology: Apology, run: _Run) -> Answering:
        language = last_language(await run.past) or self.default_language
        if run.memo.form is Form.TEXT:
            text = canned_reply(language)
        else:
            text, language = clips.text_of(apology.line, language)
        run.progress.facts.update(line=apology.line.value, reason=apology.reason, language=language)
        return Answering(run.memo, text, language, rung="line", line=apology.line, reason=apology.reason)

    async def _speak(self, answering: Answering, run: _Run, rehearsal: Rehearsal) -> Spoken:
        known = await self._restore_spoken(answering, run)
        if known is not None:
            return known
        with run.progress.stage("speak") as timing:
            spoken = await self.speak(answering, rehearsal)
            timing.rung = spoken.rung
        run.progress.facts["spoken"] = None
        keeping = run.asides.start("keep-reply", self._keep_reply(spoken, run.progress), otherwise=None)
        if answering.line is None:  # speech that was paid for is kept before it is sent, unless that takes too long
            await asyncio.wait([keeping], timeout=min(_KEEP_REPLY_SECONDS, run.progress.budget.share(budget.KEEP)))
        await run.progress.advance(State.SPOKEN, {"voice": spoken.rung, "said": spoken.said})
        return spoken

    async def _restore_spoken(self, answering: Answering, run: _Run) -> Spoken | None:
        key, said, voice = (run.progress.facts.get(name) for name in ("spoken", "said", "voice"))
        if answering.line is not None or not (isinstance(key, str) and isinstance(said, str)):
            return None
        try:
            with run.progress.stage("speak") as timing:
                timing.rung = "archive"
                return Spoken(answering, await self.keep.load(key), said, str(voice))
        except ArchiveError:
            return None

    async def _load_archived(self, key: JsonValue) -> Clip | None:
        try:
            return await self.keep.load(key) if isinstance(key, str) else None
        except ArchiveError:
            return None

    def _keep_owed(self, memo: Memo, progress: Progress, asides: Asides, apology: Apology | None) -> None:
        """Keep an original that an earlier attempt did not keep (I5), unless this one fetches it."""
        again = apology is None and not progress.facts.keys() & {"transcript", "idempotency_key"}
        if progress.owes_original and not again:
            asides.start("keep", self._fetch_and_keep(memo, progress), otherwise=None)

    async def _fetch_and_keep(self, memo: Memo, progress: Progress) -> None:
        try:
            fetched = await self.fetch(memo)
        except CannotAnswer as gone:
            raise ArchiveError("the original cannot be fetched any more") from gone
        await self._keep_original(fetched, progress)

    async def _keep_original(self, fetched: Fetched, progress: Progress) -> None:
        await progress.advance(State.KEPT, {"original": await self.keep.original(fetched)})

    async def _keep_wav(self, decoded: Decoded, progress: Progress) -> None:
        progress.facts["wav"] = await self.keep.wav(decoded)

    async def _keep_reply(self, spoken: Spoken, progress: Progress) -> None:
        progress.facts["spoken"] = await self.keep.reply(spoken, progress.claim.generation)
