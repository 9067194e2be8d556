"""Messenger on the Series API.

Reads are retried, and sends that were surely not accepted (429, 503, no connection). A send that may be out (no
answer, 500, 502, 504) raises OutcomeUnknown.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from providers.errors import BadAnswer
from providers.messengers.calls import ApiClient, HttpMessenger
from providers.messengers.series_wire import SERVICE, WIRE, matches, messages_path, text_send, voice_send
from providers.ports import always_ours
from providers.wire.media import MediaClient
from providers.wire.sessions import policy_for

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from providers.ports import SentText, VoiceReply


class SeriesMessenger(HttpMessenger):
    """Messenger on the Series API.

    The key goes to the API only; `media_hosts` are further hosts of recordings.
    """

    service: Final = SERVICE
    listed_by_seconds: Final = 0.0

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        media_hosts: Collection[str],
        max_memo_bytes: int,
        timeout_seconds: float = 15.0,
        send_timeout_seconds: float = 20.0,
    ) -> None:
        calls = ApiClient(
            WIRE, base_url, api_key, timeout_seconds=timeout_seconds, send_timeout_seconds=send_timeout_seconds
        )
        media = MediaClient(
            policy_for(base_url, media_hosts),
            {"Authorization": f"Bearer {api_key}"},
            max_memo_bytes=max_memo_bytes,
            timeout_seconds=timeout_seconds,
        )
        super().__init__(calls, media)

    async def message(self, chat_id: str, message_id: str) -> Mapping[str, object]:
        answer = await self._retry(self._calls.get, f"{messages_path(chat_id)}/{quote(message_id, safe='')}")
        found = answer.get("data", answer)
        if not isinstance(found, dict):
            raise BadAnswer(SERVICE, "no message")
        return found

    async def send_voice(self, reply: VoiceReply, *, still_ours: Callable[[], None] = always_ours) -> str:
        return await self._send(await asyncio.to_thread(voice_send, reply, still_ours))

    async def send_text(
        self, chat_id: str, text: str, *, idempotency_key: str, still_ours: Callable[[], None] = always_ours
    ) -> str:
        return await self._send(text_send(chat_id, text, idempotency_key, still_ours))

    async def find_sent(self, chat_id: str, *, filenames: Collection[str], text: SentText | None = None) -> str | None:
        answer = await self._retry(self._calls.get, messages_path(chat_id))
        found = answer.get("data", answer.get("messages"))
        if not isinstance(found, list):
            raise BadAnswer(SERVICE, "no list of messages")
        messages = (each for each in found if isinstance(each, dict))
        return next((str(each["id"]) for each in messages if "id" in each and matches(each, filenames, text)), None)

    async def check(self) -> None:
        with suppress(BadAnswer):  # whatever it lists: it let us in
            await self._calls.get("/api/chats")

    async def _set_typing(self, method: str, chat_id: str, *, seconds: float) -> None:
        action = "start_typing" if method == "POST" else "stop_typing"
        await self._calls.nudge(method, f"/api/chats/{quote(chat_id, safe='')}/{action}", seconds=seconds)
