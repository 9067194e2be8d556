"""Deliver: Spoken → Delivered. M4A, else WAV, and text only when the Series API refuses every form of audio.

What answers a text message is a text from the start: Answering → Delivered.

The rule of exactly one reply: the intent is recorded before the send, with the key and the name that every attempt
carries. A send whose end is not known is never simply repeated: the chat is looked at first (found()).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audio.errors import TranscodeError
from audio.formats import Format
from audio.uncancelled import run_to_end
from consumer import resume
from consumer.memo import Delivered, Form
from providers.deadline import deadline
from providers.errors import Attempt, Gone, OutcomeUnknown, ProviderError, Rejected, Verdict
from providers.ports import SentText, VoiceReply
from storage.archive import reply_key, safe_id
from storage.ledger import State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from audio.transcode import Transcoder
    from consumer.memo import Answering, Memo, Spoken
    from consumer.progress import Progress, Timing
    from providers.ports import Messenger
    from storage.ledger import Claim, JsonValue

    Facts = dict[str, JsonValue]

SERVICE = "series"
_CLOCKS_DIFFER_SECONDS = 300.0
"""How far the Series API's clock may be behind ours, in seconds."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """Sends the reply, once.

    Args:
        messenger: the Series API.
        transcoder: makes the WAV where M4A is refused.
        send_seconds: how long the whole send may take, in seconds: inside what is left of a lease.
        resend_unknown: what to do where the Series API cannot say whether an earlier send went out: send (rather twice
            than never), or not (rather never than twice).
        note_seconds: how long noting the answer may take, in seconds.
    """

    messenger: Messenger
    transcoder: Transcoder
    send_seconds: float
    resend_unknown: bool = True
    note_seconds: float = 4.0

    async def found(self, memo: Memo, progress: Progress) -> Delivered | None:
        """Look for a reply that an earlier holder may have sent; None where there was none, or it is not there.

        Raises:
            ProviderError: the Series API cannot say, so nothing may be sent now.
        """
        if "idempotency_key" not in progress.facts:
            return None
        with progress.stage("look"):
            return await self._looked_for(memo, progress)

    async def _looked_for(self, memo: Memo, progress: Progress) -> Delivered | None:
        known = resume.sent_before(memo, progress.facts)
        if known is not None:
            return known
        filename, text_since = progress.facts.get("filename"), progress.facts.get("text_since")
        names = (filename, f"{_stem(filename)}.wav") if isinstance(filename, str) else ()
        text = SentText(str(progress.facts.get("said")), text_since) if isinstance(text_since, float) else None
        if not (names or text) or not progress.facts.get("unsure"):
            return None
        sent_id = await self.messenger.find_sent(memo.chat_id, filenames=names, text=text)
        if sent_id is not None:
            return resume.delivered(memo, progress.facts, sent_id, Form.TEXT if text else Form.VOICE)
        if not self.resend_unknown:
            raise OutcomeUnknown(SERVICE, "an earlier send may have gone out, and is not in the chat")
        return None

    async def __call__(self, spoken: Spoken, progress: Progress, timing: Timing) -> Delivered:
        """Record the intent, then send. Once begun, a send is brought to its end, even when cancelled.

        Raises:
            ProviderError: the Series API cannot be had, or refuses everything.
            Fenced: the memo is no longer ours, so nothing was sent.
        """
        reply = _reply(spoken, progress.claim)
        named: Facts = {"idempotency_key": reply.idempotency_key, "filename": reply.filename, "said": reply.text}
        sent_id, form = await self._recorded_and_sent(named, lambda: self._sent(reply, progress), progress)
        timing.rung = form.value
        return Delivered(spoken.answering, spoken.said, sent_id, form)

    async def in_writing(self, answering: Answering, progress: Progress, timing: Timing) -> Delivered:
        """Send a reply that is no more than a text, once, as a voice is sent. Raises as that does."""
        memo, text = answering.memo, answering.text
        key = _idempotency_key(memo, progress.claim.generation)
        since = progress.facts.get("text_since")  # of the first attempt, if there was one
        since = since if isinstance(since, float) else time.time() - _CLOCKS_DIFFER_SECONDS
        still_ours = progress.lease.check

        async def send() -> tuple[str, Form]:
            sent_id = await self.messenger.send_text(memo.chat_id, text, idempotency_key=key, still_ours=still_ours)
            return sent_id, Form.TEXT

        named: Facts = {"idempotency_key": key, "said": text, "text_since": since}
        sent_id, form = await self._recorded_and_sent(named, send, progress)
        timing.rung = form.value
        return Delivered(answering, text, sent_id, form)

    async def _recorded_and_sent(
        self, named: Facts, send: Callable[[], Awaitable[tuple[str, Form]]], progress: Progress
    ) -> tuple[str, Form]:
        doubted = progress.facts.get("unsure") is True
        await progress.advance(State.SENDING, {**named, "unsure": True})
        await progress.persist(lambda: progress.lease.lasting(self.send_seconds))
        progress.lease.check_owned()
        return await run_to_end(self._sent_and_noted(send, progress, doubted=doubted))

    async def _sent_and_noted(
        self, send: Callable[[], Awaitable[tuple[str, Form]]], progress: Progress, *, doubted: bool
    ) -> tuple[str, Form]:
        """Send, and note the answer; where that cannot be noted in time, whoever comes next asks the chat.

        Args:
            send: the request, and what follows where it is refused.
            progress: of the memo.
            doubted: whether an earlier send may have gone out.
        """
        try:
            async with deadline(self.send_seconds, OutcomeUnknown(SERVICE, "no answer in time")):
                sent_id, form = await send()
        except ProviderError as failure:
            # What was surely refused is not out, and need not be looked for; an earlier send may still appear.
            progress.facts["unsure"] = doubted or failure.verdict is Verdict.UNKNOWN
            raise
        with suppress(TimeoutError):
            async with asyncio.timeout(self.note_seconds):
                await progress.advance(State.SENDING, {"sent_id": sent_id, "form": form.value})
        return sent_id, form

    async def _sent(self, reply: VoiceReply, progress: Progress) -> tuple[str, Form]:
        still_ours, begun = progress.lease.check, progress.clock()
        try:
            return await self.messenger.send_voice(reply, still_ours=still_ours), Form.VOICE
        except Gone:  # the chat is not there: no other form would do
            raise
        except Rejected as refusal:
            _refused(reply, refusal, progress, begun)
        wav, begun = await self._as_wav(reply), progress.clock()
        if wav is not None:
            try:
                return await self.messenger.send_voice(wav, still_ours=still_ours), Form.VOICE
            except Rejected as refusal:
                _refused(wav, refusal, progress, begun)
        # Noted, so that the words are looked for only where they may stand alone, and not among those of long ago.
        await progress.advance(State.SENDING, {"text_since": time.time() - _CLOCKS_DIFFER_SECONDS})
        key = f"{reply.idempotency_key}-text"
        sent_id = await self.messenger.send_text(reply.chat_id, reply.text, idempotency_key=key, still_ours=still_ours)
        return sent_id, Form.TEXT

    async def _as_wav(self, reply: VoiceReply) -> VoiceReply | None:
        """Give the same reply as WAV; None where it is one, or cannot be made."""
        if reply.clip.format is Format.WAV:
            return None
        try:
            clip = await self.transcoder.decode(reply.clip)
        except TranscodeError:
            return None
        filename = f"{_stem(reply.filename)}{clip.format.suffix}"
        return replace(reply, clip=clip, filename=filename, idempotency_key=f"{reply.idempotency_key}-wav")


def _refused(reply: VoiceReply, refusal: Rejected, progress: Progress, begun: float) -> None:
    """Tell the story, the log and the metrics what a form of the reply was refused with: a word and a status (I6)."""
    form, error = reply.clip.format.name.lower(), refusal.reason
    told = f"{error}-{refusal.status}" if refusal.status else error
    now = asyncio.get_running_loop().time()
    progress.fell([Attempt("deliver", form, progress.clock() - begun, told, now)])


def _reply(spoken: Spoken, claim: Claim) -> VoiceReply:
    """Name the reply after the memo and its generation, so that every attempt, by whomever, carries the same."""
    memo, suffix = spoken.answering.memo, spoken.clip.format.suffix
    return VoiceReply(
        chat_id=memo.chat_id,
        clip=spoken.clip,
        text=spoken.said,
        filename=reply_key(memo.sent_at, memo.message_id, suffix, generation=claim.generation),
        idempotency_key=_idempotency_key(memo, claim.generation),
    )


def _idempotency_key(memo: Memo, generation: int) -> str:
    """Make a key that people can read, and that no other memo or generation has: the digest tells them apart."""
    whole = json.dumps([memo.chat_id, memo.message_id, generation])
    digest = hashlib.sha256(whole.encode()).hexdigest()[:12]
    return f"voicememo-{safe_id(memo.chat_id)}-{safe_id(memo.message_id)}-{digest}"


def _stem(filename: str) -> str:
    return filename.rpartition(".")[0]
