"""Hugging Face: Whisper for speech recognition, Llama for replies, through huggingface_hub's own client.

Always by full URL: given a model's name, the client would look it up on the Hub synchronously, inside the event loop.
The client never retries, and has no time-out unless it is given one.
"""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx2
from huggingface_hub import AsyncInferenceClient, set_async_client_factory
from huggingface_hub.errors import InferenceTimeoutError

from audio.transcode import WAV_RATE, wav_clip
from providers.errors import BadAnswer, TimedOut, Unreachable, from_status
from providers.http import retry_after_seconds
from providers.ports import ChatTurn, Role, Transcript

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from audio.clip import Clip

SERVICE = "huggingface"
ROUTER_URL = "https://router.huggingface.co"
_MAX_TOKENS = 220
"""About 80 spoken words in the languages that take the most tokens; unset, the server's default would cut at 100."""
_MAX_REPLY_CHARACTERS = 8_000


@cache
def _authorities() -> ssl.SSLContext:
    """Load the certificate authorities once: 20 ms and a megabyte that each call would pay for again."""
    return ssl.create_default_context()


def _http_client() -> httpx2.AsyncClient:
    hooks = {"response": [_refuse]}
    return httpx2.AsyncClient(verify=_authorities(), follow_redirects=False, trust_env=False, event_hooks=hooks)


async def _refuse(response: httpx2.Response) -> None:
    """Turn a refusal into its error before the client sees it.

    It would put the answer's body into its own error's text, and stumble where that body is streamed.
    """
    if response.is_error:
        raise from_status(SERVICE, response.status_code, retry_after_seconds(response.headers.get("Retry-After")))


set_async_client_factory(_http_client)


class WhisperTranscriber:
    """Whisper behind the raw-body speech recognition wire of the Hugging Face router.

    It answers text alone, without a language.

    Args:
        token: of Hugging Face.
        url: the full URL that the recording is posted to.
        timeout_seconds: for the whole request, in seconds.
    """

    def __init__(self, token: str, url: str, *, timeout_seconds: float = 15.0) -> None:
        self._url = url
        # The type must be said: bytes are sent without one.
        self._client = AsyncInferenceClient(
            model=url, token=token, timeout=timeout_seconds, headers={"Content-Type": "audio/wav"}
        )

    async def transcribe(self, speech: Clip, *, language: str | None = None) -> Transcript:  # noqa: ARG002
        """Recognise. A language could only be given as a JSON body, which not every backend reads, so it is not."""
        async with _mapped():
            heard = await self._client.automatic_speech_recognition(speech.data)
        if not isinstance(heard.text, str):
            raise BadAnswer(SERVICE, "no text")
        return Transcript(heard.text.strip())

    async def check(self) -> None:
        """Have a tenth of a second of silence recognised, to learn whether address and token are right."""
        await self.transcribe(wav_clip(bytes(WAV_RATE // 5), sample_rate=WAV_RATE))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()  # type: ignore[no-untyped-call] # untyped just there


class LlamaReplier:
    """A chat model behind the OpenAI wire of the Hugging Face router.

    Args:
        token: of Hugging Face.
        base_url: what `/v1/chat/completions` is appended to, as far as it is missing.
        model: its name on the router.
        timeout_seconds: between two pieces of the stream, in seconds.
    """

    def __init__(
        self, token: str, base_url: str, model: str, *, timeout_seconds: float = 10.0, max_tokens: int = _MAX_TOKENS
    ) -> None:
        self._token = token
        self._base_url = base_url
        self._model = model
        self._timeout_seconds = timeout_seconds
        self._max_tokens = max_tokens

    async def reply(self, turns: Sequence[ChatTurn], *, language: str) -> AsyncIterator[str]:  # noqa: ARG002
        """Stream the reply; the language stands in the turns already."""
        said = 0
        # A client per call: it closes its streams only when it is closed itself, so one kept for long would leak them.
        async with _mapped(), self._client() as client:
            stream: Any = await client.chat_completion(
                [{"role": turn.role.value, "content": turn.text} for turn in turns],
                model=self._model,
                max_tokens=self._max_tokens,
                stream=True,
            )
            async for chunk in stream:
                piece = chunk.choices[0].delta.content if chunk.choices else None
                if piece and said < _MAX_REPLY_CHARACTERS:
                    said += len(piece)
                    yield piece
        if not said:
            raise BadAnswer(SERVICE, "empty stream")

    async def check(self) -> None:
        """Ask for one token, to learn whether address, token and model are right."""
        async with _mapped(), self._client() as client:
            await client.chat_completion([{"role": Role.USER.value, "content": "Hi"}], model=self._model, max_tokens=1)

    async def close(self) -> None:
        """Nothing is kept open between calls."""

    def _client(self) -> AsyncInferenceClient:
        return AsyncInferenceClient(base_url=self._base_url, api_key=self._token, timeout=self._timeout_seconds)


@asynccontextmanager
async def _mapped() -> AsyncIterator[None]:
    """Turn what the client raises for the service's fault into ProviderErrors."""
    try:
        yield
    except InferenceTimeoutError as error:
        raise TimedOut(SERVICE) from error
    except httpx2.TimeoutException as error:
        raise TimedOut(SERVICE) from error
    except httpx2.HTTPError as error:
        raise Unreachable(SERVICE, type(error).__name__) from error
    except (ValueError, TypeError, KeyError, AttributeError, LookupError) as error:
        # What the client raises when it reads an answer that is not what the wire says.
        raise BadAnswer(SERVICE, type(error).__name__) from error
