"""The Series API on the wire: how a message is written, what its answers mean, and how a message of ours is known."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from providers.errors import BadAnswer, OutcomeUnknown, from_status
from providers.http import retry_after_seconds
from providers.messenger_wire import Send, Wire, json_of, sent_since

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import aiohttp

    from providers.messenger_wire import Json
    from providers.ports import SentText, VoiceReply

SERVICE = "series"
_BLANK = "\N{MICROPHONE}"
"""Stands where there are no words: the API wants a text that is not empty."""
_NOT_ACCEPTED = frozenset({429, 503})
_OK = 400


async def answer_of(response: aiohttp.ClientResponse) -> Json:
    """Give an answer's JSON object; what is none stands under "data". Raises ProviderError for a refusal."""
    _refuse(response)
    answer = await json_of(SERVICE, response)
    return answer if isinstance(answer, dict) else {"data": answer}


async def sent_id_of(response: aiohttp.ClientResponse) -> str:
    """Give the new message's id; an acceptance without one cannot be told from a lost one, so it is unknown."""
    if response.status >= _OK:
        if response.status >= 500 and response.status not in _NOT_ACCEPTED:  # noqa: PLR2004 (RFC 9110, 15.6)
            raise OutcomeUnknown(SERVICE, status=response.status)
        _refuse(response)
    try:
        answer = await json_of(SERVICE, response)
    except BadAnswer as error:
        raise OutcomeUnknown(SERVICE, "accepted without an id") from error
    data = answer.get("data") if isinstance(answer, dict) else None
    sent_id = data.get("id") if isinstance(data, dict) else None
    if not isinstance(sent_id, (str, int)):
        raise OutcomeUnknown(SERVICE, "accepted without an id")
    return str(sent_id)


def voice_send(reply: VoiceReply, still_ours: Callable[[], None]) -> Send:
    """Write a voice message; in a thread, for a long reply is half a megabyte."""
    attachment = {
        "filename": reply.filename,
        "mime_type": reply.clip.format.mime_type,
        "data_base64": base64.b64encode(reply.clip.data).decode(),
    }
    message = {"text": reply.text or _BLANK, "idempotency_key": reply.idempotency_key, "attachments": [attachment]}
    body = json.dumps({"message": message}).encode()
    return Send(messages_of(reply.chat_id), body, still_ours)


def text_send(chat_id: str, text: str, idempotency_key: str, still_ours: Callable[[], None]) -> Send:
    """Write a text message."""
    body = json.dumps({"message": {"text": text or _BLANK, "idempotency_key": idempotency_key}}).encode()
    return Send(messages_of(chat_id), body, still_ours)


def messages_of(chat_id: str) -> str:
    """Give the path of a chat's messages."""
    return f"/api/chats/{quote(chat_id, safe='')}/chat_messages"


def is_it(message: Json, filenames: Collection[str], text: SentText | None) -> bool:
    """Say whether a message is the one with an attachment of these names, or that text alone."""
    attachments = message.get("attachments")
    if not isinstance(attachments, list) or not attachments:
        return text is not None and message.get("text") == (text.text or _BLANK) and sent_since(message, text.since)
    return any(isinstance(each, dict) and each.get("filename") in filenames for each in attachments)


def _refuse(response: aiohttp.ClientResponse) -> None:
    """Raise what a refusal means (400 to 599)."""
    if response.status >= _OK:
        raise from_status(SERVICE, response.status, retry_after_seconds(response.headers.get("Retry-After")))


WIRE: Final = Wire(SERVICE, answer_of, sent_id_of)
