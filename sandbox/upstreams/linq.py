"""The wire of Linq v3: attachments and their upload, voice memos, texts, typing, messages."""

from __future__ import annotations

import uuid
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.upstreams.series import media_file, typing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler

    from sandbox.upstreams.series import Sent, SeriesState

PREFIX = "/api/partner"
"""Before /v3, as at the vendor's."""
_CONTENT_TYPES = frozenset({
    *("audio/mpeg", "audio/mp3", "audio/x-m4a", "audio/mp4", "audio/x-caf", "audio/x-wav"),
    *("audio/x-aiff", "audio/aiff", "audio/aac", "audio/amr"),
})  # fmt: skip
"""Types of sound that an attachment may have: neither audio/wav nor audio/ogg."""
_LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Refusal:
    """A scripted refusal, with Linq's code."""

    status: int
    code: int
    retry_after: int | None = None


@dataclass(slots=True)
class Attachment:
    """A file that was announced, and perhaps uploaded."""

    attachment_id: str
    filename: str
    content_type: str
    size_bytes: int
    data: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)  # of the upload


class LinqState:
    """The state of the simulated API; received and sent messages are shared with the Series API."""

    def __init__(self, series: SeriesState) -> None:
        self.series = series
        self.typed = series.typed
        self.attachments: dict[str, Attachment] = {}
        self.opted_out: set[str] = set()  # chats whose person opted out
        self.lists_late = 0  # how many listings still lack the newest message
        self.lists_after_seconds = 0.0  # age at which a message is first listed
        self.upload_base: str | None = None  # where uploads go; here when None
        self.page = 100  # most messages of a listing
        self._refusals: defaultdict[str, deque[Refusal]] = defaultdict(deque)

    def refuse(self, service: str, *refusals: Refusal) -> None:
        """Refuse the next requests of a service (a route's name), one each."""
        self._refusals[service].extend(refusals)

    def refusal(self, service: str) -> Refusal | None:
        """Take the refusal for the next request of a service."""
        queue = self._refusals.get(service)
        return queue.popleft() if queue else None

    def announce(self, wanted: Mapping[str, Any]) -> Attachment:
        """Record an announcement. Raises ValueError if the API would refuse it."""
        if wanted["content_type"] not in _CONTENT_TYPES or not wanted["filename"] or not int(wanted["size_bytes"]):
            raise ValueError("no such attachment")
        made = Attachment(str(uuid.uuid4()), wanted["filename"], wanted["content_type"], wanted["size_bytes"])
        self.attachments[made.attachment_id] = made
        return made

    def send(
        self, chat_id: str, *, attachment: Attachment | None = None, text: str = "", key: str | None = None
    ) -> Sent:
        """Record a message; a key that is repeated returns the first one."""
        if (known := self.series.sent_with(key)) is not None:
            return known
        file = (attachment.filename, attachment.content_type, attachment.data) if attachment else None
        return self.series.record(str(uuid.uuid4()), chat_id, text, key, file)


def routes(state: LinqState, *, key: str) -> list[web.RouteDef]:
    """Return the routes, for the Bearer key `key`; uploads and media need none."""
    api = _LinqApi(state)

    def guarded(handler: Handler) -> Handler:
        async def check(request: web.Request) -> web.StreamResponse:
            if request.headers.get("Authorization") != f"Bearer {key}":
                return _refused(Refusal(401, 2004))
            refusal = state.refusal(request.match_info.route.name or "")
            return _refused(refusal) if refusal else await handler(request)

        return check

    v3 = f"{PREFIX}/v3"
    chat = f"{v3}/chats/{{chat}}"
    return [
        web.post(f"{v3}/attachments", guarded(api.announce), name="linq.attachments"),
        web.get(f"{v3}/attachments/{{attachment}}", guarded(api.attachment), name="linq.attachment"),
        web.put("/linq-upload/{attachment}", api.upload, name="linq.upload"),
        web.post(f"{chat}/voicememo", guarded(api.voice_memo), name="linq.voicememo"),
        web.post(f"{chat}/messages", guarded(api.send), name="linq.send"),
        web.get(f"{chat}/messages", guarded(api.listed), name="linq.list"),
        web.get(f"{v3}/messages/{{message}}", guarded(api.message), name="linq.message"),
        web.post(f"{chat}/typing", guarded(typing(state.series, "start", status=204)), name="linq.typing"),
        web.delete(f"{chat}/typing", guarded(typing(state.series, "stop", status=204)), name="linq.stop_typing"),
        web.get(f"{v3}/phone_numbers", guarded(api.phone_numbers), name="linq.phone_numbers"),
        web.get(f"{PREFIX}/media/{{name}}", api.media, name="linq.media"),
    ]


class _LinqApi:
    def __init__(self, state: LinqState) -> None:
        self._state = state
        self._series = state.series

    async def announce(self, request: web.Request) -> web.Response:
        try:
            made = self._state.announce(await request.json())
        except (ValueError, KeyError, TypeError):
            return _refused(Refusal(400, 1005))
        base = self._state.upload_base or str(request.url.origin())
        return web.json_response({
            "attachment_id": made.attachment_id,
            "upload_url": f"{base}/linq-upload/{made.attachment_id}?X-Amz-Signature=ab%2Fcd",
            "http_method": "PUT",
            "required_headers": {"Content-Type": made.content_type, "x-amz-acl": "private"},
            "download_url": f"{request.url.origin()}{PREFIX}/media/{made.filename}",
            "expires_at": datetime.now(UTC).isoformat(),
        })  # fmt: skip

    async def upload(self, request: web.Request) -> web.Response:
        made = self._state.attachments.get(request.match_info["attachment"])
        if made is None:
            return web.Response(status=403)
        data = await request.read()
        signed = request.headers.get("Content-Type") == made.content_type and "%2F" in request.raw_path
        if len(data) != made.size_bytes or request.headers.get("x-amz-acl") != "private" or not signed:
            return web.Response(status=403)
        made.data, made.headers = data, dict(request.headers)
        return web.Response()

    async def attachment(self, request: web.Request) -> web.Response:
        """Return a received attachment: a file of the media folders, by its name without the suffix."""
        name = request.match_info["attachment"]
        path = next((each for folder in self._series.media for each in folder.iterdir() if each.stem == name), None)
        if path is None:
            return _refused(Refusal(404, 2003))
        url = f"{request.url.origin()}{PREFIX}/media/{path.name}"
        return web.json_response({"id": name, "filename": path.name, "status": "complete", "download_url": url})

    async def voice_memo(self, request: web.Request) -> web.Response:
        chat, body = request.match_info["chat"], await request.json()
        made = self._state.attachments.get(body.get("attachment_id"))
        if set(body) != {"attachment_id"}:
            return _refused(Refusal(400, 1003))
        if made is None:
            return _refused(Refusal(404, 2003))
        if made.data is None:
            return _refused(Refusal(404, 2007))
        if chat in self._state.opted_out:
            return _refused(Refusal(403, 2024))
        sent = self._state.send(chat, attachment=made)
        memo = {
            "id": made.attachment_id,
            "filename": made.filename,
            "mime_type": made.content_type,
            "size_bytes": made.size_bytes,
        }
        message = {"id": sent.message_id, "chat": {"id": chat, "is_group": False}, "created_at": sent.at.isoformat()}
        queued = {**message, "status": "queued", "service": "iMessage", "voice_memo": memo}
        return web.json_response({"voice_memo": queued}, status=202)

    async def send(self, request: web.Request) -> web.Response:
        chat, message = request.match_info["chat"], (await request.json()).get("message", {})
        parts = message.get("parts") or [{}]
        text, key = parts[0].get("value"), message.get("idempotency_key")
        if len(parts) != 1 or parts[0].get("type") != "text" or not text or len(key or "") > _LONGEST_KEY:
            return _refused(Refusal(400, 1004))
        if chat in self._state.opted_out:
            return _refused(Refusal(403, 2024))
        sent = self._state.send(chat, text=text, key=key)
        return web.json_response({"chat_id": chat, "message": self._as_message(sent)}, status=202)

    async def listed(self, request: web.Request) -> web.Response:
        """List sent messages, the newest first; a cursor is a number."""
        sent = [each for each in reversed(self._series.sent) if each.chat_id == request.match_info["chat"]]
        now = datetime.now(UTC)
        sent = [each for each in sent if (now - each.at).total_seconds() >= self._state.lists_after_seconds]
        if self._state.lists_late:
            self._state.lists_late -= 1
            sent = sent[1:]
        start = int(request.query.get("cursor", "0"))
        end = start + min(int(request.query.get("limit", "20")), self._state.page)
        cursor = str(end) if end < len(sent) else None
        messages = [self._as_message(each) for each in sent[start:end]]
        return web.json_response({"messages": messages, "next_cursor": cursor})

    async def message(self, request: web.Request) -> web.Response:
        wanted = request.match_info["message"]
        found = next((chat[wanted] for chat in self._series.messages.values() if wanted in chat), None)
        return web.json_response(found) if found is not None else _refused(Refusal(404, 2002))

    async def phone_numbers(self, _: web.Request) -> web.Response:
        return web.json_response({"phone_numbers": []})

    async def media(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(media_file(self._series.media, request.match_info["name"]))

    def _as_message(self, sent: Sent) -> dict[str, object]:
        made = (each for each in self._state.attachments.values() if sent.audio is not None)
        attachment = next((each for each in made if each.data is sent.audio), None)
        media = {"type": "media", "filename": sent.filename, "mime_type": sent.mime_type}
        parts = [{**media, "id": attachment.attachment_id}] if attachment else [{"type": "text", "value": sent.text}]
        at = sent.at.isoformat()
        return {"id": sent.message_id, "chat_id": sent.chat_id, "is_from_me": True, "created_at": at, "parts": parts}


def _refused(refusal: Refusal) -> web.Response:
    """Refuse in the format of docs.linqapp.com/error."""
    error: dict[str, object] = {"status": refusal.status, "code": refusal.code, "message": "scripted"}
    if refusal.retry_after is not None:
        error["retry_after"] = refusal.retry_after
    return web.json_response({"success": False, "error": error, "trace_id": "0" * 32}, status=refusal.status)
