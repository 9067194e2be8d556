"""ElevenLabs: speech, through its own asynchronous client."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final

import httpx
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.core.parse_error import ParsingError
from elevenlabs.environment import ElevenLabsEnvironment

from providers.answers import opened, within
from providers.encodable import encodable
from providers.errors import BadAnswer, Unreachable
from providers.pcm import LONGEST_BYTES, sayable, speech
from providers.transport import Transport, http_client
from providers.voices import Voices

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from elevenlabs.core.http_response import AsyncHttpResponse

SERVICE = "elevenlabs"
API_URL: Final[str] = ElevenLabsEnvironment.PRODUCTION.value
_PIECE_BYTES = 32 * 1024
"""Of PCM, two thirds of a second: its client would cut speech into pieces of 1 KiB, some thousand for a reply."""
_RATES: Final = {16000, 22050, 24000}
_NO_LANGUAGE_CODE = "eleven_multilingual_v2"
"""The model that refuses a language code."""
_UNREADABLE: Final = (ApiError, ParsingError, ValueError, TypeError, AttributeError, LookupError, RecursionError)
"""What the client raises when it reads an answer that is not what the wire says."""
_CODES: Final = {"tl": "fil"}
"""What it calls otherwise than we do."""


class ElevenLabsSynthesizer:
    """Speaks with a voice per language.

    Its streaming call never retries, whatever its own default says.

    Args:
        api_key: of ElevenLabs.
        base_url: of a loopback or a residency host; the vendor's when None.
        model: such as eleven_flash_v2_5.
        voices: language (primary subtag) → voice id, and "default".
        timeout_seconds: until the answer begins, until the first sound, and between two, in seconds.
        sample_rate: of the PCM, in Hz; 44.1 kHz needs a higher plan.
    """

    def __init__(
        self,
        api_key: str,
        *,
        model: str,
        voices: Mapping[str, str],
        base_url: str | None = None,
        timeout_seconds: float = 8.0,
        sample_rate: int = 24_000,
    ) -> None:
        if sample_rate not in _RATES:
            raise ValueError(f"ElevenLabs gives no PCM at {sample_rate} Hz")
        self._base_url = base_url or API_URL
        self._connections = Transport(SERVICE, limit_bytes=LONGEST_BYTES)
        http = http_client(self._connections)
        self._client = AsyncElevenLabs(api_key=api_key, base_url=self._base_url, httpx_client=http)
        self._timeout_seconds = timeout_seconds
        self._model = model
        self._voices = Voices(SERVICE, model, voices)
        self._sample_rate = sample_rate

    @property
    def sample_rate(self) -> int:
        """Of the PCM, in Hz."""
        return self._sample_rate

    async def speak(self, text: str, *, language: str, before: str = "", after: str = "") -> AsyncGenerator[bytes]:
        """Stream mono s16le PCM. Raises NoVoice, before anything is asked, for a language that it does not speak."""
        request = self._request(sayable(SERVICE, text), language, encodable(before), encodable(after))
        async with (
            mapped(),
            opened(SERVICE, self._timeout_seconds, request) as response,
            aclosing(
                speech(
                    response.data,
                    service=SERVICE,
                    sample_rate=self._sample_rate,
                    timeout_seconds=self._timeout_seconds,
                    content_type=response.headers.get("content-type", ""),
                )
            ) as pieces,
        ):
            async for piece in pieces:
                yield piece

    async def check(self) -> None:
        """List the models, which costs nothing, to learn whether address and key are right."""
        async with mapped(), within(SERVICE, self._timeout_seconds):
            models: object = await self._client.models.list(request_options={"max_retries": 0})
        if not isinstance(models, list):  # its client takes any JSON for one
            raise BadAnswer(SERVICE, "no models")

    async def warm(self) -> None:
        """Open a connection, before anything is asked. Raises nothing."""
        await self._connections.warm(self._base_url)

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.aclose()

    def _request(
        self, text: str, language: str, before: str, after: str
    ) -> AbstractAsyncContextManager[AsyncHttpResponse[AsyncIterator[bytes]]]:
        request: AbstractAsyncContextManager[AsyncHttpResponse[AsyncIterator[bytes]]]
        request = self._client.text_to_speech.with_raw_response.stream(
            self._voices.of(language),
            text=text,
            previous_text=before or None,
            next_text=after or None,
            model_id=self._model,
            output_format=f"pcm_{self._sample_rate}",
            language_code=None if self._model == _NO_LANGUAGE_CODE else _CODES.get(language, language),
            request_options={"max_retries": 0, "chunk_size": _PIECE_BYTES},
        )
        return request


@asynccontextmanager
async def mapped(service: str = SERVICE) -> AsyncIterator[None]:
    """Turn what the client raises for the service's fault into ProviderErrors."""
    try:
        yield
    except httpx.HTTPError as error:
        raise Unreachable(service, type(error).__name__) from error
    except _UNREADABLE as error:
        raise BadAnswer(service, type(error).__name__) from None  # its text may be the answer's body
