"""The OpenAI wire of OpenAI, Groq, OpenRouter, vLLM, speaches, Ollama and llama.cpp.

Redirects are not followed, so the key goes to the base URL only; no body stands in an error (I6).
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp

from providers.errors import BadAnswer, TimedOut, Unreachable
from providers.wire.sessions import LazySession, read_body, require_success
from providers.wire.streams import error_in_answer, open_response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

SERVICE = "openai"
_LONGEST_STREAM_SECONDS = 60.0
_LONGEST_ANSWER_BYTES = 8 * 1024 * 1024
_LONGEST_LINE_BYTES = 1024 * 1024


class OpenAiWire:
    """Client of one base URL."""

    def __init__(self, base_url: str, key: str, *, timeout_seconds: float) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._timeout_seconds = timeout_seconds
        self._session = LazySession(total_seconds=_LONGEST_STREAM_SECONDS)

    def post_json(self, path: str, body: Mapping[str, object]) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Post JSON; the stream may take a minute, and its reader bounds the pauses."""
        return self._post(path, json=body, total_seconds=_LONGEST_STREAM_SECONDS)

    def post_form(self, path: str, form: aiohttp.FormData) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Post a form; timeout_seconds include the whole answer."""
        return self._post(path, data=form, total_seconds=self._timeout_seconds)

    async def warm(self) -> None:
        await self._session.warm(self._base_url, service=SERVICE)

    async def close(self) -> None:
        await self._session.close()

    @asynccontextmanager
    async def _post(self, path: str, *, total_seconds: float, **body: Any) -> AsyncIterator[aiohttp.ClientResponse]:  # noqa: ANN401 (aiohttp's own)
        request = self._session.get().post(
            f"{self._base_url}{path}",
            headers=self._headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=total_seconds),
            **body,
        )
        answered = False
        try:
            async with open_response(SERVICE, self._timeout_seconds, request) as response:
                answered = True
                require_success(SERVICE, response)
                yield response
        except TimeoutError as error:
            raise TimedOut(SERVICE) from error
        except aiohttp.ClientError as error:
            if answered:
                raise BadAnswer(SERVICE, "cut short") from error
            raise Unreachable(SERVICE, type(error).__name__) from error


async def read_object(response: aiohttp.ClientResponse) -> Mapping[str, Any]:
    """Read a JSON object of up to 8 MiB. Raises BadAnswer."""
    body = await read_body(response, limit_bytes=_LONGEST_ANSWER_BYTES + 1)
    if len(body) > _LONGEST_ANSWER_BYTES:
        raise BadAnswer(SERVICE, "endless")
    return parse_object(body)


def parse_object(text: bytes) -> Mapping[str, Any]:
    """Parse a JSON object. Raises BadAnswer, or the error that it reports."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise BadAnswer(SERVICE, "not JSON") from None  # the cause would carry the body along
    if not isinstance(found, dict):
        raise BadAnswer(SERVICE, "not an object")
    if found.get("error"):
        raise error_in_answer(SERVICE, found["error"])
    return found


async def events(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Yield the data of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

    On this wire each is one line; comments and other fields are skipped.
    """
    left = b""
    async for piece in pieces:
        *lines, left = (left + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line.removeprefix(b"data:").strip()
        if len(left) > _LONGEST_LINE_BYTES:
            raise BadAnswer(SERVICE, "endless line")
    if left.startswith(b"data:"):
        yield left.removeprefix(b"data:").strip()
