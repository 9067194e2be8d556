"""The Series API: media, messages, typing, voice and text.

The one adapter that retries, for it alone knows what may be asked twice. A read may. A send that was surely not
accepted may (429, 503, no connection). A send whose outcome is unknown (no answer, 500, 502, 504) is looked for in the
chat first, and sent again, with the same idempotency key, only when it is not there.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import aiohttp
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, stop_after_delay
from tenacity.wait import wait_base, wait_exponential_jitter
from yarl import URL

from providers.errors import BadAnswer, OutcomeUnknown, ProviderError, TimedOut, Unreachable, Verdict
from providers.http import policy_for, session
from providers.media import Media
from providers.ports import SentText, always_ours
from providers.series_wire import BLANK, SERVICE, Send, is_it, json_of, messages_of, refuse, sent_id_of, voice_body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping

    from tenacity import RetryCallState

    from providers.ports import VoiceReply

_RETRY_SECONDS = 30.0
_TYPING_SECONDS = 5.0
_STOP_TYPING_SECONDS = 2.0
_LONGEST_WAIT_SECONDS = 5.0
"""What asks us to wait longer is left to those who can: they park the memo."""
_CLOCKS_DIFFER_SECONDS = 300.0

_LATER = frozenset({Verdict.LATER})
_UNLESS_NEVER = frozenset({Verdict.LATER, Verdict.UNKNOWN})

T = TypeVar("T")
log = logging.getLogger(__name__)


class SeriesMessenger:
    """The Series API behind the Messenger port.

    Args:
        base_url: of the API.
        api_key: its Bearer key; goes nowhere else.
        media_hosts: further hosts that recordings may come from.
        max_memo_bytes: the largest recording, in bytes.
        timeout_seconds: for one request, in seconds.
        send_timeout_seconds: for one send, in seconds.
        attempts: how often a request is made at the most.
        resend_unknown: whether a send that may have happened, and is not found, is done again.
        typing_refresh_seconds: the API forgets after 60 s.
    """

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
        resend_unknown: bool = True,
        typing_refresh_seconds: float = 40.0,
    ) -> None:
        self._base = URL(base_url.rstrip("/"))
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._policy = policy_for(base_url, media_hosts)
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._send_timeout = aiohttp.ClientTimeout(total=send_timeout_seconds)
        self._attempts = attempts
        self._resend_unknown = resend_unknown
        self._typing_refresh_seconds = typing_refresh_seconds
        self._session: aiohttp.ClientSession | None = None
        self._media = Media(self._policy, self._headers, max_memo_bytes=max_memo_bytes, timeout_seconds=timeout_seconds)

    async def download(self, url: str) -> bytes:
        """Fetch a recording. Raises ProviderError; Forbidden and TooLarge as the port says."""
        return await self._retried(self._media.fetch, url)

    async def message(self, chat_id: str, message_id: str) -> Mapping[str, object]:
        """Ask for a message as the API has it now."""
        answer = await self._retried(self._get, f"{messages_of(chat_id)}/{quote(message_id, safe='')}")
        found = answer.get("data", answer)
        if not isinstance(found, dict):
            raise BadAnswer(SERVICE, "no message")
        return found

    @asynccontextmanager
    async def typing(self, chat_id: str) -> AsyncIterator[None]:
        """Show that we are at it while the block runs. Never raises, never delays the block."""
        showing = asyncio.create_task(self._show_typing(chat_id), name="typing")
        try:
            yield
        finally:
            showing.cancel()
            # Shielded: typing is taken back although the block is being cancelled.
            await asyncio.shield(asyncio.ensure_future(self._stop_typing(chat_id, showing)))

    async def send_voice(self, reply: VoiceReply, *, still_ours: Callable[[], None] = always_ours) -> str:
        """Send a voice message; give its message id."""
        body = await asyncio.to_thread(voice_body, reply)
        return await self._sent(Send(reply.chat_id, body, (reply.filename,), None, still_ours))

    async def send_text(
        self, chat_id: str, text: str, *, idempotency_key: str, still_ours: Callable[[], None] = always_ours
    ) -> str:
        """Send a text message; give its message id."""
        message = {"text": text or BLANK, "idempotency_key": idempotency_key}
        since = time.time() - _CLOCKS_DIFFER_SECONDS
        return await self._sent(
            Send(chat_id, json.dumps({"message": message}).encode(), (), SentText(text or BLANK, since), still_ours)
        )

    async def find_sent(self, chat_id: str, *, filenames: Collection[str], text: SentText | None = None) -> str | None:
        """Look for a message with an attachment of one of these names, or with that text alone."""
        answer = await self._retried(self._get, messages_of(chat_id))
        found = answer.get("data", answer.get("messages"))
        if not isinstance(found, list):
            raise BadAnswer(SERVICE, "no list of messages")
        messages = (each for each in found if isinstance(each, dict))
        return next((str(each["id"]) for each in messages if "id" in each and is_it(each, filenames, text)), None)

    async def check(self) -> None:
        """List chats, to learn whether address and key are right."""
        with suppress(BadAnswer):  # whatever it lists: it let us in
            await self._get("/api/chats")

    async def close(self) -> None:
        """Close the connections."""
        await self._media.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _sent(self, send: Send) -> str:
        """Send, and never twice: what may have happened is looked for before it is done again."""
        unsure = False

        async def once() -> str:
            nonlocal unsure
            if unsure:
                sent_id = await self._looked_for(send)
                if sent_id is not None:
                    return sent_id
                if not self._resend_unknown:
                    raise OutcomeUnknown(SERVICE, "and is not in the chat")
            send.still_ours()
            try:
                return await self._post_message(send)
            except OutcomeUnknown:
                unsure = True
                raise
            except ProviderError as refused:
                if unsure:  # this one is refused, and the one before may be out
                    wait = refused.retry_after_seconds
                    raise OutcomeUnknown(SERVICE, "and then refused", retry_after_seconds=wait) from refused
                raise

        return await self._retried(once, verdicts=_UNLESS_NEVER)

    async def _looked_for(self, send: Send) -> str | None:
        try:
            return await self.find_sent(send.chat_id, filenames=send.filenames, text=send.text)
        except ProviderError as error:
            raise OutcomeUnknown(SERVICE, "and cannot be looked for") from error

    async def _post_message(self, send: Send) -> str:
        length = {"Content-Type": "application/json", "Content-Length": str(len(send.body))}
        try:
            async with self._open().post(
                self._url(messages_of(send.chat_id)),
                data=send.pieces(),
                headers={**self._headers, **length},
                timeout=self._send_timeout,
                allow_redirects=False,
            ) as response:
                return await sent_id_of(response)
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(SERVICE, "no connection") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OutcomeUnknown(SERVICE, type(error).__name__) from error

    async def _get(self, path: str) -> dict[str, Any]:
        async with (
            _read_errors(),
            self._open().get(self._url(path), headers=self._headers, allow_redirects=False) as response,
        ):
            refuse(response)
            answer = await json_of(response)
        return answer if isinstance(answer, dict) else {"data": answer}

    async def _show_typing(self, chat_id: str) -> None:
        while True:
            await self._typed("POST", f"/api/chats/{quote(chat_id, safe='')}/start_typing")
            await asyncio.sleep(self._typing_refresh_seconds)

    async def _stop_typing(self, chat_id: str, showing: asyncio.Task[None]) -> None:
        await asyncio.gather(showing, return_exceptions=True)
        path = f"/api/chats/{quote(chat_id, safe='')}/stop_typing"
        await self._typed("DELETE", path, seconds=_STOP_TYPING_SECONDS)

    async def _typed(self, method: str, path: str, *, seconds: float = _TYPING_SECONDS) -> None:
        timeout = aiohttp.ClientTimeout(total=seconds)
        with suppress(aiohttp.ClientError, TimeoutError):  # best effort, by its nature
            async with self._open().request(
                method, self._url(path), headers=self._headers, timeout=timeout, allow_redirects=False
            ):
                pass

    async def _retried(self, work: Callable[..., Awaitable[T]], *args: str, verdicts: frozenset[Verdict] = _LATER) -> T:
        """Call a coroutine function, not a lambda: tenacity would not await what a lambda gives."""
        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: _may_be_tried_soon(error, verdicts)),
            wait=_WaitAsAsked(),
            stop=stop_after_attempt(self._attempts) | stop_after_delay(_RETRY_SECONDS),
            reraise=True,
        )
        return await retrying(work, *args)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = session(total_seconds=self._timeout.total or _RETRY_SECONDS)
        return self._session

    def _url(self, path: str) -> URL:
        return URL(f"{self._base}{path}", encoded=True)


def _may_be_tried_soon(error: BaseException, verdicts: frozenset[Verdict]) -> bool:
    if not isinstance(error, ProviderError) or error.verdict not in verdicts:
        return False
    return (error.retry_after_seconds or 0) <= _LONGEST_WAIT_SECONDS


class _WaitAsAsked(wait_base):
    """Waits as long as the service asked (Retry-After), else exponentially with jitter; in seconds."""

    def __init__(self) -> None:
        self._otherwise = wait_exponential_jitter(multiplier=0.2, max=5.0, jitter=0.2)

    def __call__(self, retry_state: RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        asked = error.retry_after_seconds if isinstance(error, ProviderError) else None
        if asked is None:
            return self._otherwise(retry_state)
        return min(asked, _RETRY_SECONDS)


@asynccontextmanager
async def _read_errors() -> AsyncIterator[None]:
    try:
        yield
    except aiohttp.ClientError as error:
        raise Unreachable(SERVICE, type(error).__name__) from error
    except TimeoutError as error:
        raise TimedOut(SERVICE) from error
