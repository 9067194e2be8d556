"""Wire format of Linq v3.

Sources: the vendor's SDK (github.com/linq-team/linq-node: resources/chats, messages, attachments) and pages
(docs.linqapp.com/error, /guides/messaging/voice-memos, /guides/messaging/attachments, /guides/platform/rate-limits).
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import quote

from audio.formats import Format
from providers.errors import (
    BadAnswer,
    Barred,
    OptedOut,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Rejected,
    Unavailable,
    from_status,
)
from providers.messengers.wire import OutgoingMessage, Wire, read_json, sent_since
from providers.wire.sessions import read_body, retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import aiohttp

    from audio.clip import Clip
    from providers.messengers.wire import Json
    from providers.ports import SentText

SERVICE: Final = "linq"
_BLANK: Final = "\N{MICROPHONE}"  # A text part must not be empty
_LONGEST_TEXT: Final = 10_000  # characters of a text part

_CONFLICT: Final = 409  # A state, not the audio
_SERVER: Final = 500  # from here on the server failed (RFC 9110, 15.6)
_LONGEST_REFUSAL_BYTES: Final = 64 * 1024
_CONTENT_TYPES: Final = {Format.M4A: "audio/x-m4a", Format.WAV: "audio/x-wav"}  # Linq's names; it deprecates audio/mp4

_FILE_PARTS: Final = ("media", "voice_memo")

_OPTED_OUT: Final = 2024
_NO_ATTACHMENT: Final = 2003
_RATE_LIMITED: Final = 1007
_SERVER_ERRORS: Final = range(3000, 4000)
# A chat or line's state, used-up attempts, a removed line: time does not help.
_BARRED: Final = frozenset({1006, 2013, 2015, 2016, 2017, 3007, 4002, 4005, 4006, 4007, 4008})
_MEDIA_REFUSED: Final = frozenset({5002, 5004, 5005, 5006})  # this file is refused; another form may be accepted
# Attachment or chat not ready, line or media store in trouble.
_TEMPORARY: Final = frozenset({2007, 2009, 2022, 4001, 4004, 5001, 5003})
# A 5xx with one of these sent nothing; any other may hide a message that is out.
_SURELY_REFUSED: Final = frozenset({4001, 4004, 5001, 5003, *_BARRED, *_MEDIA_REFUSED})
_AMBIGUOUS: Final = frozenset({408, 425})  # A proxy may say this of a request that went through


@dataclass(frozen=True, slots=True)
class Ticket:
    """Permission to upload one file."""

    attachment_id: str
    url: str = field(repr=False)
    """Signed: a secret."""
    headers: Mapping[str, str] = field(repr=False)


def voice_send(chat_id: str, attachment_id: str, still_ours: Callable[[], None]) -> OutgoingMessage:
    """Build the send of an uploaded voice memo, which takes neither text nor idempotency key."""
    body = json.dumps({"attachment_id": attachment_id}).encode()
    return OutgoingMessage(f"{chat_path(chat_id)}/voicememo", body, still_ours)


def text_send(chat_id: str, text: str, idempotency_key: str, still_ours: Callable[[], None]) -> OutgoingMessage:
    """Build the send of a text."""
    parts = [{"type": "text", "value": sendable_text(text)}]
    body = json.dumps({"message": {"parts": parts, "idempotency_key": idempotency_key}}).encode()
    return OutgoingMessage(f"{chat_path(chat_id)}/messages", body, still_ours)


def upload_request(clip: Clip, filename: str) -> dict[str, object]:
    """Build the request for an upload ticket."""
    content_type = _CONTENT_TYPES.get(clip.format, clip.format.mime_type)
    return {"filename": filename, "content_type": content_type, "size_bytes": len(clip.data)}


def sendable_text(text: str) -> str:
    """Return a text neither empty nor too long."""
    return text[:_LONGEST_TEXT] or _BLANK


def chat_path(chat_id: str) -> str:
    """Return a chat's path."""
    return f"/v3/chats/{quote(chat_id, safe='')}"


def parse_ticket(answer: Json) -> Ticket:
    """Parse an upload ticket. Raises BadAnswer."""
    attachment_id, url = answer.get("attachment_id"), answer.get("upload_url")
    headers = answer.get("required_headers", {})
    if not (isinstance(attachment_id, str) and isinstance(url, str) and isinstance(headers, dict)):
        raise BadAnswer(SERVICE, "no upload")
    if not all(isinstance(value, str) and f"{name}{value}".isprintable() for name, value in headers.items()):
        raise BadAnswer(SERVICE, "no headers for the upload")
    return Ticket(attachment_id, url, cast("dict[str, str]", headers))


async def read_answer(response: aiohttp.ClientResponse) -> Json:
    """Read a JSON object. Raises ProviderError."""
    if not response.ok:
        raise (await _read_refusal(response))[0]
    return await _read_object(response)


async def read_sent_id(response: aiohttp.ClientResponse) -> str:
    """Read the new message's id. Raises OutcomeUnknown unless it was surely refused."""
    if not response.ok:
        refusal, code = await _read_refusal(response)
        refused = response.status < _SERVER or code in _SURELY_REFUSED
        if not refused or response.status in _AMBIGUOUS:
            raise OutcomeUnknown(SERVICE, status=response.status) from refusal
        if code == _NO_ATTACHMENT:  # it was uploaded just now, so it is not the chat that is gone
            raise Unavailable(SERVICE, f"code {code}", status=response.status) from refusal
        raise refusal
    try:
        answer = await _read_object(response)
    except BadAnswer as error:
        raise OutcomeUnknown(SERVICE, "accepted without an id") from error
    for name in ("voice_memo", "message"):
        message = answer.get(name)
        if isinstance(message, dict) and isinstance(message.get("id"), str):
            return str(message["id"])
    raise OutcomeUnknown(SERVICE, "accepted without an id")


def refusal_error(status: int, code: int | None, wait_seconds: float | None = None) -> ProviderError:
    """Map a refusal to its error by Linq's code, else by HTTP status."""
    detail = f"code {code}" if code is not None else ""
    if code == _OPTED_OUT:
        return OptedOut(SERVICE, detail, status=status)
    if code == _RATE_LIMITED:
        return RateLimited(SERVICE, detail, status=status, retry_after_seconds=wait_seconds)
    if code in _TEMPORARY or (code in _SERVER_ERRORS and code not in _BARRED):
        return Unavailable(SERVICE, detail, status=status, retry_after_seconds=wait_seconds)
    if code in _BARRED or status == _CONFLICT:
        return Barred(SERVICE, detail, status=status)
    if code in _MEDIA_REFUSED:
        return Rejected(SERVICE, detail, status=status)
    return from_status(SERVICE, status, wait_seconds)


def matches(message: Json, ids: Collection[str], filenames: Collection[str], text: SentText | None) -> bool:
    """Return whether a message is ours: by attachment id, file name (uploads may lose its suffix), or text alone."""
    if message.get("is_from_me") is False:
        return False
    parts = _parts(message)
    if parts and all(part.get("type") == "text" for part in parts):
        words = "\n".join(str(part.get("value")) for part in parts)
        return text is not None and words == sendable_text(text.text) and sent_since(message, text.since)
    stems = {_stem(name) for name in filenames}
    return any(_ids(part) & set(ids) or _stem(str(part.get("filename"))) in stems for part in parts)


def parts_without_url(message: Json) -> Sequence[tuple[dict[str, object], str]]:
    """Return the media parts without a link, each with its attachment's id."""
    bare = [part for part in _parts(message) if part.get("type") in _FILE_PARTS and not part.get("url") and _ids(part)]
    return [(part, str(part.get("attachment_id") or part.get("id"))) for part in bare]


def _parts(message: Json) -> list[dict[str, object]]:
    parts = message.get("parts")
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _ids(part: Json) -> set[str]:
    return {value for name in ("id", "attachment_id") if isinstance(value := part.get(name), str) and value}


def _stem(filename: str) -> str:
    return filename.rpartition(".")[0] or filename


async def _read_refusal(response: aiohttp.ClientResponse) -> tuple[ProviderError, int | None]:
    """Read `{success: false, error: {status, code, message, retry_after?}}`, without the message (I6)."""
    error: object = None
    with suppress(ValueError, RecursionError):
        body = json.loads(await read_body(response, limit_bytes=_LONGEST_REFUSAL_BYTES))
        error = body.get("error") if isinstance(body, dict) else None
    fields: Json = error if isinstance(error, dict) else {}
    code = fields.get("code")
    code = code if isinstance(code, int) and not isinstance(code, bool) else None
    header = response.headers.get("Retry-After")
    wait = retry_after_seconds(header if header is not None else str(fields.get("retry_after")))
    return refusal_error(response.status, code, wait), code


async def _read_object(response: aiohttp.ClientResponse) -> Json:
    answer = await read_json(SERVICE, response)
    if not isinstance(answer, dict):
        raise BadAnswer(SERVICE, "no object")
    return answer


WIRE: Final = Wire(SERVICE, read_answer, read_sent_id)
