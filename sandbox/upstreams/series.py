"""The wire of the Series API: messages, typing, media. Records what was sent."""

from __future__ import annotations

import base64
import binascii
import hashlib
import itertools
import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from aiohttp import web

from sandbox.wire import require

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from aiohttp.typedefs import Handler

_KEY = re.compile(r"[a-zA-Z0-9_-]+")
_MIME_TYPES = {".caf": "application/octet-stream", ".opus": "audio/ogg", ".m4a": "audio/mp4", ".mp3": "audio/mpeg"}
"""As gateways have them: that of an iPhone's memo often means nothing."""


SentFile: TypeAlias = "tuple[str | None, str | None, bytes | None]"
"""Name, MIME type, content."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was sent through the API."""

    message_id: str
    chat_id: str
    text: str = field(repr=False)
    idempotency_key: str | None
    filename: str | None
    mime_type: str | None
    audio: bytes | None = field(repr=False)
    at: datetime

    @property
    def sha256(self) -> str | None:
        """Digest of the audio."""
        return hashlib.sha256(self.audio).hexdigest() if self.audio is not None else None

    def as_message(self) -> dict[str, object]:
        """Return it as the API lists it."""
        attachment = {"id": f"att-{self.message_id}", "filename": self.filename, "mime_type": self.mime_type}
        return {
            "id": self.message_id,
            "chat_id": self.chat_id,
            "text": self.text,
            "sent_at": self.at.isoformat(),
            "attachments": [attachment] if self.filename else [],
        }


class SeriesState:
    """The state of the simulated API."""

    def __init__(self, media: Sequence[Path], *, honours_keys: bool) -> None:
        self.media = media
        self.honours_keys = honours_keys
        """Whether an idempotency key that is repeated returns the first message; a proxy may ignore keys."""
        self.sent: list[Sent] = []
        self.typing: set[str] = set()  # chats that show us as typing
        self.typed: list[tuple[str, str]] = []  # (chat, "start" or "stop"), in order
        self.messages: defaultdict[str, dict[str, Mapping[str, object]]] = defaultdict(dict)
        """Chat → message id → a received message, as the API returns it."""
        self._numbers = itertools.count(9001)

    def add_message(self, chat_id: str, message_id: str, message: Mapping[str, object]) -> None:
        """Add a received message."""
        self.messages[chat_id][message_id] = message

    def sent_with(self, key: str | None) -> Sent | None:
        """Return the first message that was sent with an idempotency key."""
        return next((each for each in self.sent if key is not None and each.idempotency_key == key), None)

    def record(self, message_id: str, chat_id: str, text: str, key: str | None, file: SentFile | None) -> Sent:
        """Record a message, which ends typing."""
        filename, mime_type, audio = file or (None, None, None)
        sent = Sent(message_id, chat_id, text, key, filename, mime_type, audio, datetime.now(UTC))
        self.sent.append(sent)
        self.typing.discard(chat_id)
        return sent

    def send(self, chat_id: str, message: Mapping[str, Any]) -> tuple[Sent, bool]:
        """Record a message; return it and whether it is new. Raises ValueError if the API would refuse it."""
        key = message.get("idempotency_key")
        if not isinstance(message.get("text"), str) or not message["text"]:
            raise ValueError("text must not be empty")
        if key is not None and not _KEY.fullmatch(key):
            raise ValueError("idempotency_key has forbidden characters")
        if self.honours_keys and (known := self.sent_with(key)) is not None:
            return known, False
        file: SentFile | None = None
        if message.get("attachments"):
            attachment = message["attachments"][0]
            audio = base64.b64decode(attachment["data_base64"], validate=True)
            file = (attachment.get("filename"), attachment.get("mime_type"), audio)
        return self.record(str(next(self._numbers)), chat_id, message["text"], key, file), True


def media_file(folders: Sequence[Path], name: str) -> Path:
    """Find a received recording. Raises HTTPNotFound."""
    # An encoded slash comes decoded; none of our files has one.
    paths = [folder / name for folder in folders if "/" not in name and (folder / name).is_file()]
    if not paths:
        raise web.HTTPNotFound
    return paths[0]


def typing(state: SeriesState, change: Literal["start", "stop"], *, status: int) -> Handler:
    """Make the handler that starts or stops typing in a chat."""

    async def handle(request: web.Request) -> web.Response:
        chat = request.match_info["chat"]
        (state.typing.add if change == "start" else state.typing.discard)(chat)
        state.typed.append((chat, change))
        return web.Response(status=status)

    return handle


def routes(state: SeriesState, *, key: str) -> list[web.RouteDef]:
    """Return the routes, for the Bearer key `key`; media need none."""
    api = _SeriesApi(state)
    guarded = partial(require, headers={"Authorization": f"Bearer {key}"}, refusal='{"errors":[{"status":401}]}')
    chat = "/api/chats/{chat}"
    return [
        web.post(f"{chat}/chat_messages", guarded(api.send), name="series.send"),
        web.get(f"{chat}/chat_messages", guarded(api.listed), name="series.list"),
        web.get(f"{chat}/chat_messages/{{message}}", guarded(api.message), name="series.message"),
        web.post(f"{chat}/start_typing", guarded(typing(state, "start", status=201)), name="series.typing"),
        web.delete(f"{chat}/stop_typing", guarded(typing(state, "stop", status=204)), name="series.stop_typing"),
        web.get("/api/chats", guarded(api.chats), name="series.chats"),
        web.get("/media/{name}", api.media, name="series.media"),
    ]


class _SeriesApi:
    def __init__(self, state: SeriesState) -> None:
        self._state = state

    async def send(self, request: web.Request) -> web.Response:
        try:
            body = await request.json()
            sent, new = self._state.send(request.match_info["chat"], body["message"])
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
            return web.json_response({"errors": [{"status": 422, "title": "Unprocessable"}]}, status=422)
        return web.json_response({"data": {"id": int(sent.message_id), "text": sent.text}}, status=201 if new else 200)

    async def listed(self, request: web.Request) -> web.Response:
        sent = [each for each in reversed(self._state.sent) if each.chat_id == request.match_info["chat"]]
        return web.json_response({"data": [each.as_message() for each in sent]})

    async def message(self, request: web.Request) -> web.Response:
        found = self._state.messages[request.match_info["chat"]].get(request.match_info["message"])
        if found is None:
            return web.json_response({"errors": [{"status": 404, "title": "Not found"}]}, status=404)
        return web.json_response({"data": found})

    async def chats(self, _: web.Request) -> web.Response:
        return web.json_response({"data": []})

    async def media(self, request: web.Request) -> web.StreamResponse:
        path = media_file(self._state.media, request.match_info["name"])
        return web.FileResponse(
            path, headers={"Content-Type": _MIME_TYPES.get(path.suffix, "application/octet-stream")}
        )
