"""Deliver: Spoken → Delivered. M4A, else WAV, and text only when the Series API refuses every form of audio."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_exponential_jitter

from audio.errors import TranscodeError
from audio.formats import Format
from consumer.memo import Delivered, Form
from providers.errors import ProviderError, Rejected, Verdict
from providers.ports import VoiceReply
from storage.archive import reply_key, safe_id
from storage.ledger import State

if TYPE_CHECKING:
    from audio.transcode import Transcoder
    from consumer.memo import Memo, Spoken
    from consumer.progress import Progress, Timing
    from providers.ports import Messenger

_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 1.0, 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Deliver:
    """Sends the reply, once."""

    messenger: Messenger
    transcoder: Transcoder
    retry_for_seconds: float

    async def __call__(self, spoken: Spoken, progress: Progress, timing: Timing) -> Delivered:
        """Record the intent, then send, trying again for as long as it may still succeed.

        Raises:
            ProviderError: the Series API cannot be had, or refuses everything.
            Fenced: the memo is no longer ours, so nothing was sent.
        """
        reply = _reply(spoken)
        sent_before = progress.claim.state is State.SENDING
        await progress.advance(
            State.SENDING,
            {"idempotency_key": reply.idempotency_key, "filename": reply.filename, "said": reply.text},
        )
        sent_id, form = await self._persist(reply, ask_first=sent_before)
        timing.rung = form.value
        return Delivered(spoken, sent_id, form)

    async def _persist(self, reply: VoiceReply, *, ask_first: bool) -> tuple[str, Form]:
        """Send, trying again while it may still succeed; once a send may have happened, ask before the next."""
        retrying = AsyncRetrying(
            retry=retry_if_exception(_may_be_tried_again),
            wait=wait_exponential_jitter(multiplier=_FIRST_WAIT_SECONDS, max=_LONGEST_WAIT_SECONDS),
            stop=stop_after_delay(self.retry_for_seconds),
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                sent_id = await self._found(reply) if ask_first else None
                if sent_id is not None:
                    return sent_id, Form.VOICE
                ask_first = True
                return await self._send(reply)
        raise AssertionError("AsyncRetrying ends by returning or raising")  # pragma: no cover

    async def _found(self, reply: VoiceReply) -> str | None:
        return await self.messenger.find_sent(reply.chat_id, filename=reply.filename, text=reply.text)

    async def _send(self, reply: VoiceReply) -> tuple[str, Form]:
        try:
            return await self.messenger.send_voice(reply), Form.VOICE
        except Rejected:
            log.warning("audio.refused", extra={"format": reply.clip.format.name})
        wav = await self._as_wav(reply)
        if wav is not None:
            try:
                return await self.messenger.send_voice(wav), Form.VOICE
            except Rejected:
                log.warning("audio.refused", extra={"format": wav.clip.format.name})
        key = f"{reply.idempotency_key}-text"
        return await self.messenger.send_text(reply.chat_id, reply.text, idempotency_key=key), Form.TEXT

    async def _as_wav(self, reply: VoiceReply) -> VoiceReply | None:
        """Give the same reply as WAV; None where it is one, or cannot be made."""
        if reply.clip.format is Format.WAV:
            return None
        try:
            clip = await self.transcoder.decode(reply.clip)
        except TranscodeError:
            return None
        filename = f"{reply.filename.rpartition('.')[0]}{clip.format.suffix}"
        return replace(reply, clip=clip, filename=filename, idempotency_key=f"{reply.idempotency_key}-wav")


def _may_be_tried_again(error: BaseException) -> bool:
    return isinstance(error, ProviderError) and error.verdict is not Verdict.NEVER


def _reply(spoken: Spoken) -> VoiceReply:
    memo = spoken.answering.memo
    return VoiceReply(
        chat_id=memo.chat_id,
        clip=spoken.clip,
        text=spoken.said,
        filename=reply_key(memo.sent_at, memo.message_id, spoken.clip.format.suffix),
        idempotency_key=_idempotency_key(memo),
    )


def _idempotency_key(memo: Memo) -> str:
    """Derive it from the memo's own key, so that every attempt, by whomever, carries the same."""
    return f"voicememo-{safe_id(memo.chat_id)}-{safe_id(memo.message_id)}"
