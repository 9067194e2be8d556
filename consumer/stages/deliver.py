"""Deliver: Spoken → Delivered, as M4A, else WAV, else text; a written Answering as text.

The rule of exactly one reply (I1), which stands nowhere else:

- The intent to send is stored first, with the key and the file name of every attempt.
- A reply that may be out is searched for in the chat before anything is sent again.
- If it is not there, it is sent again if `resend_unknown`; within one attempt only if the messenger lists at once.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from audio.errors import TranscodeError
from audio.formats import Format
from audio.uncancelled import run_to_end
from consumer.memo import checkpoint
from consumer.memo.states import Delivered, Form, Spoken
from providers.errors import Gone, OutcomeUnknown, ProviderError, Rejected, Verdict
from providers.fallback.deadline import deadline
from providers.ports import SentText, VoiceReply
from storage.archive import reply_key, safe_id
from storage.states import State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from audio.transcode import Transcoder
    from consumer.memo.progress import Progress
    from consumer.memo.states import Answering, Memo
    from providers.ports import Messenger
    from storage.ledger import JsonValue

_SEARCH_AFTER = (0.02, 0.06, 0.12)
"""Pauses before each search, as shares of the time for the whole send."""
_CLOCKS_DIFFER_SECONDS = 300.0
"""How far the messenger's clock may be behind ours."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """Sends the reply, once."""

    messenger: Messenger
    transcoder: Transcoder
    send_seconds: float  # bounds an attempt; less than the lease
    resend_unknown: bool = True  # rather twice than never, or rather never than twice
    record_seconds: float = 4.0  # bounds storing the message's id

    async def find_earlier(self, memo: Memo, progress: Progress) -> Delivered | None:
        """Return the reply that an earlier attempt has sent, if any. Raises ProviderError if nothing may be sent."""
        if "idempotency_key" not in progress.facts:
            return None
        with progress.stage("look"):
            known = checkpoint.restore_sent(memo, progress.facts)
            if known is not None or not progress.facts.get("unsure"):
                return known
            sent_id = await self._search(memo, progress)
            if sent_id is not None:
                form = Form.TEXT if "text_since" in progress.facts else Form.VOICE
                return checkpoint.restore_delivered(memo, progress.facts, sent_id, form)
            if not self.resend_unknown:
                raise OutcomeUnknown(self.messenger.service, "an earlier send may be out, and is not in the chat")
            return None

    async def __call__(self, reply: Spoken | Answering, progress: Progress) -> Delivered:
        """Store the intent, then send. A send that has begun is finished even when cancelled.

        Raises Fenced before anything is sent, and ProviderError: refused, or it may be out.
        """
        earlier_may_be_sent = progress.facts.get("unsure") is True  # an earlier send may be out
        await progress.advance(State.SENDING, {**_names(reply, progress), "unsure": True})
        await progress.persist(partial(progress.lease.ensure_lasts, self.send_seconds))
        progress.lease.check_owned()
        return await run_to_end(self._send_and_record(reply, progress, earlier_may_be_sent=earlier_may_be_sent))

    async def _send_and_record(
        self, reply: Spoken | Answering, progress: Progress, *, earlier_may_be_sent: bool
    ) -> Delivered:
        """Send, and store the message's id; without it, the next attempt searches the chat."""
        try:
            async with deadline(self.send_seconds, OutcomeUnknown(self.messenger.service, "no answer in time")):
                if isinstance(reply, Spoken):
                    delivered = await self._send_voice(reply, progress)
                else:
                    key = str(progress.facts["idempotency_key"])
                    delivered = await self._send_text(reply, reply.text, key, progress)
        except ProviderError as failure:
            # A refused send is not out; an earlier one may still be.
            progress.facts["unsure"] = earlier_may_be_sent or failure.verdict is Verdict.UNKNOWN
            raise
        with suppress(TimeoutError):
            async with asyncio.timeout(self.record_seconds):
                await progress.advance(State.SENDING, {"sent_id": delivered.sent_id, "form": delivered.form.value})
        return delivered

    async def _send_voice(self, spoken: Spoken, progress: Progress) -> Delivered:
        answering, facts = spoken.answering, progress.facts
        filename, key = str(facts["filename"]), str(facts["idempotency_key"])
        voice: VoiceReply | None = VoiceReply(answering.memo.chat_id, spoken.clip, spoken.said, filename, key)
        while voice is not None:
            begun = progress.clock()
            send = partial(self.messenger.send_voice, voice, still_ours=progress.lease.check)
            try:
                sent_id = await self._send_once(send, answering.memo, progress)
            except Gone:  # no other form would find the chat
                raise
            except Rejected as refusal:
                error = f"{refusal.reason}-{refusal.status}" if refusal.status else refusal.reason
                progress.rung_failed("deliver", voice.clip.format.name.lower(), progress.clock() - begun, error)
            else:
                return Delivered(answering, spoken.said, sent_id, Form.VOICE)
            voice = await self._as_wav(voice)
        # Stored, so that later searches look for the words too, but not among old messages.
        await progress.advance(State.SENDING, {"text_since": time.time() - _CLOCKS_DIFFER_SECONDS})
        return await self._send_text(answering, spoken.said, f"{key}-text", progress)

    async def _send_text(self, answering: Answering, text: str, key: str, progress: Progress) -> Delivered:
        memo, still_ours = answering.memo, progress.lease.check
        send = partial(self.messenger.send_text, memo.chat_id, text, idempotency_key=key, still_ours=still_ours)
        return Delivered(answering, text, await self._send_once(send, memo, progress), Form.TEXT)

    async def _send_once(self, send: Callable[[], Awaitable[str]], memo: Memo, progress: Progress) -> str:
        """Send a message. If it may be out, search for it, and send it again if it is not there."""
        try:
            return await send()
        except OutcomeUnknown as error:
            failure: ProviderError = error
        resends = len(_SEARCH_AFTER) - 1 if self.resend_unknown and not self.messenger.listed_by_seconds else 0
        for number, share in enumerate(_SEARCH_AFTER):
            await asyncio.sleep(share * self.send_seconds)
            try:
                sent_id = await self._search(memo, progress)
                if sent_id is None and number < resends:
                    sent_id = await send()
            except ProviderError as error:  # refused this time; the one before may be out
                failure = error
            else:
                if sent_id is not None:
                    return sent_id
        wait = failure.retry_after_seconds or self.messenger.listed_by_seconds or None
        raise OutcomeUnknown(self.messenger.service, "and not found in the chat", retry_after_seconds=wait) from failure

    async def _search(self, memo: Memo, progress: Progress) -> str | None:
        filename, since = progress.facts.get("filename"), progress.facts.get("text_since")
        filenames = (filename, f"{_stem(filename)}.wav") if isinstance(filename, str) else ()
        text = SentText(str(progress.facts.get("said")), since) if isinstance(since, float) else None
        if not filenames and text is None:
            return None
        return await self.messenger.find_sent(memo.chat_id, filenames=filenames, text=text)

    async def _as_wav(self, voice: VoiceReply) -> VoiceReply | None:
        """Return the reply as WAV; None if it is one already or cannot be decoded."""
        if voice.clip.format is Format.WAV:
            return None
        try:
            clip = await self.transcoder.decode(voice.clip)
        except TranscodeError:
            return None
        filename = f"{_stem(voice.filename)}{clip.format.suffix}"
        return replace(voice, clip=clip, filename=filename, idempotency_key=f"{voice.idempotency_key}-wav")


def _names(reply: Spoken | Answering, progress: Progress) -> dict[str, JsonValue]:
    """Return the facts that a reply is recognised by; the same for every attempt."""
    generation = progress.claim.generation
    if isinstance(reply, Spoken):
        memo, suffix = reply.answering.memo, reply.clip.format.suffix
        filename = reply_key(memo.sent_at, memo.message_id, suffix, generation=generation)
        return {"idempotency_key": _idempotency_key(memo, generation), "filename": filename, "said": reply.said}
    key, since = _idempotency_key(reply.memo, generation), time.time() - _CLOCKS_DIFFER_SECONDS
    return {"idempotency_key": key, "said": reply.text, "text_since": progress.facts.get("text_since") or since}


def _idempotency_key(memo: Memo, generation: int) -> str:
    """Return a readable key; the digest makes it unique to memo and generation."""
    whole = json.dumps([memo.chat_id, memo.message_id, generation])
    digest = hashlib.sha256(whole.encode()).hexdigest()[:12]
    return f"voicememo-{safe_id(memo.chat_id)}-{safe_id(memo.message_id)}-{digest}"


def _stem(filename: str) -> str:
    return filename.rpartition(".")[0]
