"""Wire format of the Series API."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from providers.errors import BadAnswer, OutcomeUnknown
from providers.messengers.wire import OutgoingMessage, Wire, read_json, sent_since
from providers.wire.sessions import raise_refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import aiohttp

    from providers.messengers.wire import Json
    from providers.ports import SentText, VoiceReply

SERVICE = "series"
_BLANK = "\N{MICROPHONE}"  # the API requires a text
_NOT_ACCEPTED = frozenset({429, 503})


async def read_answer(response: aiohttp.ClientResponse) -> Json:
    """Read JSON; other than an object goes under "data". Raises ProviderError."""
    raise_refusal(SERVICE, response)
    answer = await read_json(SERVICE, response)
    return answer if isinstance(answer, dict) else {"data": answer}


async def read_sent_id(response: aiohttp.ClientResponse) -> str:
    """Read the new message's id. Raises OutcomeUnknown where it may be out, also without an id."""
    if response.status >= 500 and response.status not in _NOT_ACCEPTED:  # noqa: PLR2004 (RFC 9110, 15.6)
        raise OutcomeUnknown(SERVICE, status=response.status)
    raise_refusal(SERVICE, response)
    try:
        answer = await read_json(SERVICE, response)
    except BadAnswer as error:
        raise OutcomeUnknown(SERVICE, "accepted without an id") from error
    data = answer.get("data") if isinstance(answer, dict) else None
    sent_id = data.get("id") if isinstance(data, dict) else None
    if not isinstance(sent_id, (str, int)):
        raise OutcomeUnknown(SERVICE, "accepted without an id")
    return str(sent_id)


def voice_send(reply: VoiceReply, still_ours: Callable[[], None]) -> OutgoingMessage:
    """Build the send of a voice message. Call it in a thread: it may be half a megabyte."""
    attachment = {
        "filename": reply.filename,
        "mime_type": reply.clip.format.mime_type,
        "data_base64": base64.b64encode(reply.clip.data).decode(),
    }
    message = {"text": reply.text or _BLANK, "idempotency_key": reply.idempotency_key, "attachments": [attachment]}
    body = json.dumps({"message": message}).encode()
    return OutgoingMessage(messages_path(reply.chat_id), body, still_ours)


def text_send(chat_id: str, text: str, idempotency_key: str, still_ours: Callable[[], None]) -> OutgoingMessage:
    """Build the send of a text."""
    body = json.dumps({"message": {"text": text or _BLANK, "idempotency_key": idempotency_key}}).encode()
    return OutgoingMessage(messages_path(chat_id), body, still_ours)


def messages_path(chat_id: str) -> str:
    """Return the path of a chat's messages."""
    return f"/api/chats/{quote(chat_id, safe='')}/chat_messages"


def matches(message: Json, filenames: Collection[str], text: SentText | None) -> bool:
    """Return whether a message has one of these attachments, or only that text."""
    attachments = message.get("attachments")
    if not isinstance(attachments, list) or not attachments:
        return text is not None and message.get("text") == (text.text or _BLANK) and sent_since(message, text.since)
    return any(isinstance(each, dict) and each.get("filename") in filenames for each in attachments)


WIRE: Final = Wire(SERVICE, read_answer, read_sent_id)
