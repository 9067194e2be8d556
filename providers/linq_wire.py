"""Linq v3 on the wire: what is written, what answers and refusals mean, and how a message of ours is known.

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
from providers.http import body_of, retry_after_seconds
from providers.messenger_wire import Send, Wire, json_of, sent_since

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import aiohttp

    from audio.clip import Clip
    from providers.messenger_wire import Json
    from providers.ports import SentText

SERVICE: Final = "linq"
_BLANK: Final = "\N{MICROPHONE}"
"""Stands where there are no words: a text part must not be empty."""
_LONGEST_TEXT: Final = 10_000
"""Characters of a text part."""

_OK: Final = 400
_CONFLICT: Final = 409
"""A state, not the audio."""
_SERVER: Final = 500
"""From here on the status says that the server failed (RFC 9110, 15.6)."""
_LONGEST_REFUSAL_BYTES: Final = 64 * 1024
_CONTENT_TYPES: Final = {Format.M4A: "audio/x-m4a", Format.WAV: "audio/x-wav"}
"""As Linq calls them; audio/mp4 is deprecated there."""

_FILES: Final = ("media", "voice_memo")

_OPTED_OUT: Final = 2024
_NO_ATTACHMENT: Final = 2003
_RATE_LIMITED: Final = 1007
_SERVER_ERRORS: Final = range(3000, 4000)
_BARRED: Final = frozenset({1006, 2013, 2015, 2016, 2017, 3007, 4002, 4005, 4006, 4007, 4008})
"""A state of the chat or of the line, delivery attempts used up, a line that is gone: time does not mend it."""
_MEDIA_REFUSED: Final = frozenset({5002, 5004, 5005, 5006})
"""This file is refused: another form may be taken."""
_PASSES: Final = frozenset({2007, 2009, 2022, 4001, 4004, 5001, 5003})
"""The attachment or the chat is not ready yet, the line or the media store is in trouble."""
_SURELY_REFUSED: Final = frozenset({4001, 4004, 5001, 5003, *_BARRED, *_MEDIA_REFUSED})
"""Where a 5xx carries one of these, nothing was sent; any other 5xx may hide a message that is out."""
_NO_TELLING: Final = frozenset({408, 425})
"""What a proxy in between may say of a request that went on."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to upload one file: how, where to, and the name that it is then known by."""

    attachment_id: str
    url: str = field(repr=False)
    """Signed: whoever has it may upload."""
    headers: Mapping[str, str] = field(repr=False)
    """To be sent exactly."""


def voice_send(chat_id: str, attachment_id: str, still_ours: Callable[[], None]) -> Send:
    """Write a voice memo of what was uploaded. It takes no text, and no idempotency key."""
    body = json.dumps({"attachment_id": attachment_id}).encode()
    return Send(f"{chat_path(chat_id)}/voicememo", body, still_ours)


def text_send(chat_id: str, text: str, idempotency_key: str, still_ours: Callable[[], None]) -> Send:
    """Write a text message."""
    parts = [{"type": "text", "value": fit(text)}]
    body = json.dumps({"message": {"parts": parts, "idempotency_key": idempotency_key}}).encode()
    return Send(f"{chat_path(chat_id)}/messages", body, still_ours)


def announcement(clip: Clip, filename: str) -> dict[str, object]:
    """Announce a file that is to be uploaded."""
    content_type = _CONTENT_TYPES.get(clip.format, clip.format.mime_type)
    return {"filename": filename, "content_type": content_type, "size_bytes": len(clip.data)}


def fit(text: str) -> str:
    """Give a text as it is sent: neither empty nor too long."""
    return text[:_LONGEST_TEXT] or _BLANK


def chat_path(chat_id: str) -> str:
    """Give the path of a chat."""
    return f"/v3/chats/{quote(chat_id, safe='')}"


def ticket_of(answer: Json) -> Ticket:
    """Read the leave to upload. Raises BadAnswer."""
    attachment_id, url = answer.get("attachment_id"), answer.get("upload_url")
    headers = answer.get("required_headers", {})
    if not (isinstance(attachment_id, str) and isinstance(url, str) and isinstance(headers, dict)):
        raise BadAnswer(SERVICE, "no upload")
    if not all(isinstance(value, str) and f"{name}{value}".isprintable() for name, value in headers.items()):
        raise BadAnswer(SERVICE, "no headers for the upload")
    return Ticket(attachment_id, url, cast("dict[str, str]", headers))


async def answer_of(response: aiohttp.ClientResponse) -> Json:
    """Give an answer's JSON object. Raises ProviderError for a refusal, BadAnswer for what is none."""
    if response.status >= _OK:
        raise (await _refused(response))[0]
    return await _object_of(response)


async def sent_id_of(response: aiohttp.ClientResponse) -> str:
    """Give the new message's id; what cannot be told from a message that is out raises OutcomeUnknown."""
    if response.status >= _OK:
        refusal, code = await _refused(response)
        told = response.status < _SERVER or code in _SURELY_REFUSED
        if not told or response.status in _NO_TELLING:
            raise OutcomeUnknown(SERVICE, status=response.status) from refusal
        if code == _NO_ATTACHMENT:  # it was uploaded just now, so it is not the chat that is gone
            raise Unavailable(SERVICE, f"code {code}", status=response.status) from refusal
        raise refusal
    try:
        answer = await _object_of(response)
    except BadAnswer as error:
        raise OutcomeUnknown(SERVICE, "accepted without an id") from error
    for name in ("voice_memo", "message"):
        message = answer.get(name)
        if isinstance(message, dict) and isinstance(message.get("id"), str):
            return str(message["id"])
    raise OutcomeUnknown(SERVICE, "accepted without an id")


def refusal_of(status: int, code: int | None, wait_seconds: float | None = None) -> ProviderError:
    """Say what a refusal means: by Linq's own code, else by the HTTP status."""
    told = f"code {code}" if code is not None else ""
    if code == _OPTED_OUT:
        return OptedOut(SERVICE, told, status=status)
    if code == _RATE_LIMITED:
        return RateLimited(SERVICE, told, status=status, retry_after_seconds=wait_seconds)
    if code in _PASSES or (code in _SERVER_ERRORS and code not in _BARRED):
        return Unavailable(SERVICE, told, status=status, retry_after_seconds=wait_seconds)
    if code in _BARRED or status == _CONFLICT:
        return Barred(SERVICE, told, status=status)
    if code in _MEDIA_REFUSED:
        return Rejected(SERVICE, told, status=status)
    return from_status(SERVICE, status, wait_seconds)


def is_it(message: Json, ids: Collection[str], filenames: Collection[str], text: SentText | None) -> bool:
    """Say whether a message is ours: with one of these attachments, a file of one of these names, or that text alone.

    Names are compared without their suffix: what was uploaded may be transcoded on its way.
    """
    if message.get("is_from_me") is False:
        return False
    parts = _parts(message)
    if parts and all(part.get("type") == "text" for part in parts):
        words = "\n".join(str(part.get("value")) for part in parts)
        return text is not None and words == fit(text.text) and sent_since(message, text.since)
    stems = {_stem(name) for name in filenames}
    return any(_names(part) & set(ids) or _stem(str(part.get("filename"))) in stems for part in parts)


def parts_without_url(message: Json) -> Sequence[tuple[dict[str, object], str]]:
    """Give the media parts that carry no link, each with the id of its attachment."""
    bare = [part for part in _parts(message) if part.get("type") in _FILES and not part.get("url") and _names(part)]
    return [(part, str(part.get("attachment_id") or part.get("id"))) for part in bare]


def _parts(message: Json) -> list[dict[str, object]]:
    parts = message.get("parts")
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _names(part: Json) -> set[str]:
    """Give the ids that a media part may know its attachment by."""
    return {value for name in ("id", "attachment_id") if isinstance(value := part.get(name), str) and value}


def _stem(filename: str) -> str:
    return filename.rpartition(".")[0] or filename


async def _refused(response: aiohttp.ClientResponse) -> tuple[ProviderError, int | None]:
    """Read a refusal: `{success: false, error: {status, code, message, retry_after?}}`; its words are not kept (I6)."""
    error: object = None
    with suppress(ValueError, RecursionError):
        body = json.loads(await body_of(response, limit_bytes=_LONGEST_REFUSAL_BYTES))
        error = body.get("error") if isinstance(body, dict) else None
    told: Json = error if isinstance(error, dict) else {}
    code = told.get("code")
    code = code if isinstance(code, int) and not isinstance(code, bool) else None
    asked = response.headers.get("Retry-After")
    wait = retry_after_seconds(asked if asked is not None else str(told.get("retry_after")))
    return refusal_of(response.status, code, wait), code


async def _object_of(response: aiohttp.ClientResponse) -> Json:
    answer = await json_of(SERVICE, response)
    if not isinstance(answer, dict):
        raise BadAnswer(SERVICE, "no object")
    return answer


WIRE: Final = Wire(SERVICE, answer_of, sent_id_of)
