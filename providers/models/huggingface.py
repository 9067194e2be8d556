"""Hugging Face: Whisper and Llama through huggingface_hub's client.

Models are full URLs: names would be looked up synchronously on the Hub. The client neither retries nor times out.
"""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import httpx2
from huggingface_hub import AsyncInferenceClient, set_async_client_factory
from huggingface_hub.errors import TextGenerationError

from audio.clip import WAV_RATE, Clip, wav_clip
from providers.errors import BadAnswer, Unreachable
from providers.models.reply_stream import is_end, reply_stream
from providers.ports import ChatTurn, Role, Transcript
from providers.wire.sdk_transport import Transport
from providers.wire.streams import error_in_answer, time_limit
from providers.wire.text import repair_surrogates

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence

SERVICE = "huggingface"
ROUTER_URL = "https://router.huggingface.co"
_MAX_TOKENS = 220  # about 80 spoken words in the languages that take the most; the server's default cuts at 100


class _SharedTransport(Transport):
    """Connections that outlive the clients that use them."""

    async def aclose(self) -> None:
        """Do nothing when a client closes."""

    async def close(self) -> None:
        await super().aclose()

    @contextmanager
    def used_by_new_client(self) -> Iterator[None]:
        """Have the client created in the block use this transport."""
        token = _CLIENT_TRANSPORT.set(self)
        try:
            yield
        finally:
            _CLIENT_TRANSPORT.reset(token)


# huggingface_hub's client factory is global and takes no arguments.
_CLIENT_TRANSPORT: ContextVar[_SharedTransport | None] = ContextVar("client_transport", default=None)


set_async_client_factory(
    lambda: httpx2.AsyncClient(transport=_CLIENT_TRANSPORT.get() or Transport(SERVICE), follow_redirects=False)
)


class WhisperTranscriber:
    """Transcriber on the router's raw-body wire, which reports no language; `url` is the full URL."""

    def __init__(self, token: str, url: str, *, timeout_seconds: float = 15.0) -> None:
        self._url = url
        # The type must be said: bytes are sent without one.
        self._client = AsyncInferenceClient(model=url, token=token, headers={"Content-Type": "audio/wav"})
        self._timeout_seconds = timeout_seconds
        self._transport = _SharedTransport(SERVICE)

    async def transcribe(self, speech: Clip, *, language: str | None = None) -> Transcript:  # noqa: ARG002
        """Recognize; a hint would need a JSON body, which not every backend reads."""
        async with _sdk_errors(), time_limit(SERVICE, self._timeout_seconds):
            with self._transport.used_by_new_client():  # its HTTP client is made with its first request
                answer = await self._client.automatic_speech_recognition(speech.data)
        if not isinstance(answer.text, str):
            raise BadAnswer(SERVICE, "no text")
        return Transcript(repair_surrogates(answer.text).strip())

    async def check(self) -> None:
        """Recognize 0.1 s of silence, to check address and token."""
        await self.transcribe(wav_clip(bytes(WAV_RATE // 5), sample_rate=WAV_RATE))

    async def warm(self) -> None:
        await self._transport.warm(self._url)

    async def close(self) -> None:
        await self._client.close()  # type: ignore[no-untyped-call] # untyped just there
        await self._transport.close()


class LlamaReplier:
    """Replier on the router's OpenAI wire; the missing part of `/v1/chat/completions` is added to `base_url`.

    `timeout_seconds` is until the answer begins, until the first words, and between two.
    """

    def __init__(self, token: str, base_url: str, model: str, *, timeout_seconds: float = 10.0) -> None:
        self._token = token
        self._base_url = base_url
        self._model = model
        self._timeout_seconds = timeout_seconds
        self._transport = _SharedTransport(SERVICE)

    async def reply(self, turns: Sequence[ChatTurn], *, language: str) -> AsyncGenerator[str]:  # noqa: ARG002
        # A client per call: it closes its streams only when it is closed itself, so one kept for long would leak them.
        async with _sdk_errors(), self._client() as client:
            async with time_limit(SERVICE, self._timeout_seconds):
                with self._transport.used_by_new_client():
                    stream: Any = await client.chat_completion(
                        [{"role": turn.role.value, "content": repair_surrogates(turn.text)} for turn in turns],
                        model=self._model,
                        max_tokens=_MAX_TOKENS,
                        stream=True,
                    )
            words = reply_stream(_words(stream), service=SERVICE, timeout_seconds=self._timeout_seconds)
            async with aclosing(words) as pieces:
                async for piece in pieces:
                    yield piece

    async def check(self) -> None:
        """Request one token, to check address, token and model."""
        turns = [{"role": Role.USER.value, "content": "Hi"}]
        async with _sdk_errors(), time_limit(SERVICE, self._timeout_seconds), self._client() as client:
            answer: Any = await client.chat_completion(turns, model=self._model, max_tokens=1)
        if not isinstance(answer.choices, list) or not answer.choices:
            raise BadAnswer(SERVICE, "no choices")

    async def warm(self) -> None:
        await self._transport.warm(self._base_url)

    async def close(self) -> None:
        await self._transport.close()

    def _client(self) -> AsyncInferenceClient:
        return AsyncInferenceClient(base_url=self._base_url, api_key=self._token)


async def _words(chunks: AsyncIterator[Any]) -> AsyncGenerator[str]:
    async for chunk in chunks:
        if not chunk.choices:  # it tells of usage alone
            continue
        choice = chunk.choices[0]
        if choice.delta is not None and choice.delta.content:
            yield choice.delta.content
        if is_end(SERVICE, choice.finish_reason):
            return
    raise BadAnswer(SERVICE, "cut short")  # it had no end


@asynccontextmanager
async def _sdk_errors() -> AsyncIterator[None]:
    try:
        yield
    except TextGenerationError as error:
        raise error_in_answer(SERVICE, error.args[0] if error.args else None) from None  # its text is the service's
    except httpx2.HTTPError as error:
        raise Unreachable(SERVICE, type(error).__name__) from error
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        # What the client raises when it reads an answer that is not what the wire says; its text may be the answer's.
        raise BadAnswer(SERVICE, type(error).__name__) from None
