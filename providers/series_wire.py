"""The Series API on the wire: how a message is written, what its answers mean, and how a message of ours is known."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from providers.errors import BadAnswer, OutcomeUnknown, from_status
from providers.http import body_of, retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping

    import aiohttp

    from providers.ports import SentText, VoiceReply

SERVICE = "series"
BLANK = "\N{MICROPHONE}"
"""Stands where there are no words: the API wants a text that is not empty."""
_NOT_ACCEPTED = frozenset({429, 503})
_OK = 400
_LONGEST_ANSWER_BYTES = 32 * 1024 * 1024
_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Send:
    """A message on its way out, and what it may be found by."""

    chat_id: str
    body: bytes = field(repr=False)
    filenames: tuple[str, ...]
    text: SentText | None
    """Where it is no more than a text."""
    still_ours: Callable[[], None]

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give the body piece by piece: a worker that was stopped half-way and lost the memo never sends the rest."""
        for start in range(0, len(self.body), _PIECE_BYTES):
            self.still_ours()
            yield self.body[start : start + _PIECE_BYTES]


def refuse(response: aiohttp.ClientResponse) -> None:
    """Raise what a refusal means (400 to 599)."""
    if response.status >= _OK:
        raise from_status(SERVICE, response.status, retry_after_seconds(response.headers.get("Retry-After")))


async def sent_id_of(response: aiohttp.ClientResponse) -> str:
    """Give the new message's id; an acceptance without one cannot be told from a lost one, so it is unknown."""
    if response.status >= _OK:
        if response.status >= 500 and response.status not in _NOT_ACCEPTED:  # noqa: PLR2004 (RFC 9110, 15.6)
            raise OutcomeUnknown(SERVICE, status=response.status)
        refuse(response)
    try:
        answer = await json_of(response)
    except BadAnswer as error:
        raise OutcomeUnknown(SERVICE, "accepted without an id") from error
    data = answer.get("data") if isinstance(answer, dict) else None
    sent_id = data.get("id") if isinstance(data, dict) else None
    if not isinstance(sent_id, (str, int)):
        raise OutcomeUnknown(SERVICE, "accepted without an id")
    return str(sent_id)


async def json_of(response: aiohttp.ClientResponse) -> object:
    """Read an answer, up to a bound. Raises BadAnswer."""
    body = await body_of(response, limit_bytes=_LONGEST_ANSWER_BYTES)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadAnswer(SERVICE, "not JSON") from None  # the cause would carry the answer along


def voice_body(reply: VoiceReply) -> bytes:
    """Write the request; in a thread, for a long reply is half a megabyte."""
    attachment = {
        "filename": reply.filename,
        "mime_type": reply.clip.format.mime_type,
        "data_base64": base64.b64encode(reply.clip.data).decode(),
    }
    message = {"text": reply.text or BLANK, "idempotency_key": reply.idempotency_key, "attachments": [attachment]}
    return json.dumps({"message": message}).encode()


def messages_of(chat_id: str) -> str:
    """Give the path of a chat's messages."""
    return f"/api/chats/{quote(chat_id, safe='')}/chat_messages"


def _sent_since(message: Mapping[str, object], since: float) -> bool:
    """Say whether a message was sent after a moment; one that does not say when was not."""
    for name in ("sent_at", "created_at"):
        with suppress(ValueError):
            return datetime.fromisoformat(str(message.get(name))).timestamp() >= since
    return False


def is_it(message: Mapping[str, object], filenames: Collection[str], text: SentText | None) -> bool:
    """Say whether a message is the one with an attachment of these names, or that text alone."""
    attachments = message.get("attachments")
    if not isinstance(attachments, list) or not attachments:
        return text is not None and message.get("text") == text.text and _sent_since(message, text.since)
    return any(isinstance(each, dict) and each.get("filename") in filenames for each in attachments)
