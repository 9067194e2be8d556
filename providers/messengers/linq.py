"""Messenger on Linq v3.

A voice memo is uploaded, then sent by attachment id, without an idempotency key. A send that may be out raises
OutcomeUnknown; a refused one is retried where its code says that this may help.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self, TypeVar
from urllib.parse import quote, urlencode

from providers.errors import BadAnswer, OptedOut, TimedOut, Unavailable
from providers.fallback.deadline import deadline
from providers.messengers.calls import ApiClient, HttpMessenger
from providers.messengers.linq_upload import Uploader
from providers.messengers.linq_wire import (
    SERVICE,
    WIRE,
    chat_path,
    matches,
    parse_ticket,
    parts_without_url,
    text_send,
    upload_request,
    voice_send,
)
from providers.ports import always_ours
from providers.wire.media import MediaClient
from providers.wire.sessions import policy_for

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from providers.messengers.wire import OutgoingMessage
    from providers.ports import SentText, VoiceReply

_MOST_PAGES: Final = 10
_PAGE: Final = 100  # in messages; the API's maximum
_MOST_REMEMBERED: Final = 10_000
_MOST_LINKS: Final = 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SendTiming:
    """The parts of one send's time, so that it ends by itself with a known outcome; the rest is for a search."""

    upload_seconds: float
    """Time for the upload; nothing is sent before its end."""
    again_seconds: float
    """After which a refused send is not retried."""
    request_seconds: float

    @classmethod
    def within(cls, seconds: float) -> Self:
        """Divide the time of one send."""
        return cls(0.35 * seconds, 0.1 * seconds, 0.3 * seconds)


class LinqMessenger(HttpMessenger):
    """Messenger on Linq v3; `base_url` is without /v3.

    Neither media nor upload hosts get the key; `media_hosts` lists private upload addresses too.
    """

    service: Final = SERVICE
    listed_by_seconds: Final = 5.0

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        media_hosts: Collection[str],
        max_memo_bytes: int,
        timeout_seconds: float = 15.0,
        timing: SendTiming,
    ) -> None:
        self._timing = timing
        calls = ApiClient(
            WIRE, base_url, api_key, timeout_seconds=timeout_seconds, send_timeout_seconds=timing.request_seconds
        )
        sources = policy_for(base_url, media_hosts, variable="LINQ_MEDIA_HOSTS")
        media = MediaClient(sources, {}, max_memo_bytes=max_memo_bytes, timeout_seconds=timeout_seconds)
        super().__init__(calls, media)
        targets = policy_for(base_url, media_hosts, variable="LINQ_MEDIA_HOSTS", anywhere=True)
        self._upload = Uploader(targets, timeout_seconds=timeout_seconds)
        self._opted_out: OrderedDict[str, bool] = OrderedDict()  # chats
        self._attachments: OrderedDict[str, str] = OrderedDict()  # file name → id of its last upload

    async def message(self, chat_id: str, message_id: str) -> Mapping[str, object]:  # noqa: ARG002 (v3 asks by the message alone)
        """Fetch a message; recordings without a link get a fresh one."""
        message = await self._retry(self._calls.get, f"/v3/messages/{quote(message_id, safe='')}")
        for part, attachment_id in parts_without_url(message)[:_MOST_LINKS]:
            part["url"] = await self._retry(self._link, attachment_id)
        return message

    async def send_voice(self, reply: VoiceReply, *, still_ours: Callable[[], None] = always_ours) -> str:
        """Send a voice memo; return its id. Raises OutcomeUnknown, and OptedOut if the person unsubscribed."""
        self._check_opt_out(reply.chat_id)
        attachment_id = await self._upload_clip(reply, still_ours)
        _remember(self._attachments, reply.filename, attachment_id)
        return await self._send_to(reply.chat_id, voice_send(reply.chat_id, attachment_id, still_ours))

    async def send_text(
        self, chat_id: str, text: str, *, idempotency_key: str, still_ours: Callable[[], None] = always_ours
    ) -> str:
        self._check_opt_out(chat_id)
        return await self._send_to(chat_id, text_send(chat_id, text, idempotency_key, still_ours))

    async def find_sent(self, chat_id: str, *, filenames: Collection[str], text: SentText | None = None) -> str | None:
        """Find a message of ours. Raises BadAnswer if there are too many, and the oldest come first."""
        ids = {self._attachments[name] for name in filenames if name in self._attachments}
        query = {"limit": str(_PAGE)}
        times: list[str] = []
        for _ in range(_MOST_PAGES):
            page = await self._retry(self._calls.get, f"{chat_path(chat_id)}/messages?{urlencode(query)}")
            listed = page.get("messages")
            if not isinstance(listed, list):
                raise BadAnswer(SERVICE, "no list of messages")
            messages = [each for each in listed if isinstance(each, dict) and "id" in each]
            found = next((each for each in messages if matches(each, ids, filenames, text)), None)
            if found is not None:
                return str(found["id"])
            cursor = page.get("next_cursor")
            if not cursor or not messages:
                return None
            times += [str(each.get("created_at")) for each in messages]
            query["cursor"] = str(cursor)
        if times[0] < times[-1]:
            raise BadAnswer(SERVICE, "too many messages to look through")
        return None

    async def check(self) -> None:
        await self._calls.get("/v3/phone_numbers")

    async def close(self) -> None:
        await self._upload.close()
        await super().close()

    async def _upload_clip(self, reply: VoiceReply, still_ours: Callable[[], None]) -> str:
        async def once() -> str:
            still_ours()
            ticket = parse_ticket(await self._calls.post("/v3/attachments", upload_request(reply.clip, reply.filename)))
            await self._upload.put(ticket, reply.clip.data, still_ours)
            return ticket.attachment_id

        async with deadline(self._timing.upload_seconds, TimedOut(SERVICE, "uploading")):
            return await self._retry(once)  # an attachment without a message is invisible

    async def _send_to(self, chat_id: str, send: OutgoingMessage) -> str:
        try:
            return await self._send(send, seconds=self._timing.again_seconds)
        except OptedOut:
            _remember(self._opted_out, chat_id, value=True)
            raise

    async def _link(self, attachment_id: str) -> str:
        attachment = await self._calls.get(f"/v3/attachments/{quote(attachment_id, safe='')}")
        url = attachment.get("download_url")
        if not isinstance(url, str) or not url:
            raise Unavailable(SERVICE, "attachment not ready")
        return url

    async def _set_typing(self, method: str, chat_id: str, *, seconds: float) -> None:
        if chat_id not in self._opted_out:
            await self._calls.nudge(method, f"{chat_path(chat_id)}/typing", seconds=seconds)

    def _check_opt_out(self, chat_id: str) -> None:
        if chat_id in self._opted_out:
            raise OptedOut(SERVICE, "before")


def _remember(latest: OrderedDict[str, T], key: str, value: T) -> None:
    latest[key] = value
    latest.move_to_end(key)
    if len(latest) > _MOST_REMEMBERED:
        latest.popitem(last=False)
