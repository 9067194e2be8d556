"""The Series API: media, messages, typing, voice and text.

Reads are retried, and sends that were surely not accepted (429, 503, no connection). A send that may be out (no
answer, 500, 502, 504) raises OutcomeUnknown.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote

from providers.errors import BadAnswer
from providers.messengers.calls import ApiClient, show_typing
from providers.messengers.series_wire import SERVICE, WIRE, matches, messages_path, text_send, voice_send
from providers.ports import always_ours
from providers.wire.media import MediaClient
from providers.wire.retries import retry
from providers.wire.sessions import policy_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping
    from contextlib import AbstractAsyncContextManager

    from providers.messengers.wire import OutgoingMessage
    from providers.ports import Onlooker, SentText, VoiceReply

_TYPING_SECONDS = 5.0
_STOP_TYPING_SECONDS = 2.0

T = TypeVar("T")


class SeriesMessenger:
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
        attempts: int = 3,
        typing_refresh_seconds: float = 40.0,  # the API forgets after 60 s
    ) -> None:
        self._calls = ApiClient(
            WIRE, base_url, api_key, timeout_seconds=timeout_seconds, send_timeout_seconds=send_timeout_seconds
        )
        self._media = MediaClient(
            policy_for(base_url, media_hosts),
            {"Authorization": f"Bearer {api_key}"},
            max_memo_bytes=max_memo_bytes,
            timeout_seconds=timeout_seconds,
        )
        self._attempts = attempts
        self._typing_refresh_seconds = typing_refresh_seconds

    async def download(self, url: str, *, onlooker: Onlooker | None = None) -> bytes:
        """Download a recording."""
        return await self._retried(partial(self._media.fetch, onlooker=onlooker), url)

    async def message(self, chat_id: str, message_id: str) -> Mapping[str, object]:
        """Fetch a message."""
        answer = await self._retried(self._calls.get, f"{messages_path(chat_id)}/{quote(message_id, safe='')}")
        found = answer.get("data", answer)
        if not isinstance(found, dict):
            raise BadAnswer(SERVICE, "no message")
        return found

    def typing(self, chat_id: str) -> AbstractAsyncContextManager[None]:
        """Show the typing indicator while the block runs. Never raises."""
        chat = f"/api/chats/{quote(chat_id, safe='')}"
        return show_typing(
            lambda: self._calls.nudge("POST", f"{chat}/start_typing", seconds=_TYPING_SECONDS),
            lambda: self._calls.nudge("DELETE", f"{chat}/stop_typing", seconds=_STOP_TYPING_SECONDS),
            refresh_seconds=self._typing_refresh_seconds,
        )

    async def send_voice(self, reply: VoiceReply, *, still_ours: Callable[[], None] = always_ours) -> str:
        """Send a voice message; return its id."""
        return await self._send(await asyncio.to_thread(voice_send, reply, still_ours))

    async def send_text(
        self, chat_id: str, text: str, *, idempotency_key: str, still_ours: Callable[[], None] = always_ours
    ) -> str:
        """Send a text message; return its id."""
        return await self._send(text_send(chat_id, text, idempotency_key, still_ours))

    async def find_sent(self, chat_id: str, *, filenames: Collection[str], text: SentText | None = None) -> str | None:
        """Find a message by file name, or by text alone."""
        answer = await self._retried(self._calls.get, messages_path(chat_id))
        found = answer.get("data", answer.get("messages"))
        if not isinstance(found, list):
            raise BadAnswer(SERVICE, "no list of messages")
        messages = (each for each in found if isinstance(each, dict))
        return next((str(each["id"]) for each in messages if "id" in each and matches(each, filenames, text)), None)

    async def check(self) -> None:
        """List chats, to check address and key."""
        with suppress(BadAnswer):  # whatever it lists: it let us in
            await self._calls.get("/api/chats")

    async def warm(self) -> None:
        """Open connections. Raises nothing."""
        await asyncio.gather(self._calls.warm(), self._media.warm())

    async def close(self) -> None:
        """Close the connections."""
        await self._media.close()
        await self._calls.close()

    async def _send(self, send: OutgoingMessage) -> str:
        async def once() -> str:
            send.still_ours()
            return await self._calls.send(send)

        return await self._retried(once)

    async def _retried(self, work: Callable[..., Awaitable[T]], *args: str) -> T:
        return await retry(work, *args, attempts=self._attempts)
