"""ElevenLabs: speech, through its own asynchronous client."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final

import httpx
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.core.api_error import ApiError

from providers.errors import BadAnswer, ProviderError, TimedOut, Unreachable, from_status
from providers.http import retry_after_seconds
from providers.pcm import whole_samples

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

SERVICE = "elevenlabs"
_RATES: Final = {16000, 22050, 24000}
_NO_LANGUAGE_CODE = "eleven_multilingual_v2"
"""The model that refuses a language code."""


class ElevenLabsSynthesizer:
    """Speaks with a voice per language.

    Its streaming call never retries, whatever its own default says.

    Args:
        api_key: of ElevenLabs.
        base_url: of a loopback or a residency host; the vendor's when None.
        model: such as eleven_flash_v2_5.
        voices: language (primary subtag) → voice id, and "default".
        timeout_seconds: to connect, and between two pieces, in seconds.
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
        self._http = httpx.AsyncClient(timeout=timeout_seconds)
        # Its own timeout, 240 s unless it is told, goes before that of the client that it is given.
        self._client = AsyncElevenLabs(
            api_key=api_key, base_url=base_url, httpx_client=self._http, timeout=timeout_seconds
        )
        self._model = model
        self._voices = voices
        self._sample_rate = sample_rate

    @property
    def sample_rate(self) -> int:
        """Of the PCM, in Hz."""
        return self._sample_rate

    async def speak(self, text: str, *, language: str) -> AsyncIterator[bytes]:
        """Stream mono s16le PCM."""
        heard = False
        async with mapped(), aclosing(whole_samples(self._stream(text, language))) as pieces:
            async for piece in pieces:
                heard = True
                yield piece
        if not heard:
            raise BadAnswer(SERVICE, "no sound")

    async def check(self) -> None:
        """List the models, which costs nothing, to learn whether address and key are right."""
        async with mapped():
            await self._client.models.list(request_options={"max_retries": 0})

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _stream(self, text: str, language: str) -> AsyncIterator[bytes]:
        stream: AsyncIterator[bytes] = self._client.text_to_speech.stream(
            self._voices.get(language) or self._voices["default"],
            text=text,
            model_id=self._model,
            output_format=f"pcm_{self._sample_rate}",
            language_code=None if self._model == _NO_LANGUAGE_CODE else language,
            request_options={"max_retries": 0},
        )
        return stream


@asynccontextmanager
async def mapped(service: str = SERVICE) -> AsyncIterator[None]:
    """Turn what the client raises for the service's fault into ProviderErrors; a stream raises at the first piece."""
    try:
        yield
    except ApiError as error:
        raise _from_response(service, error) from None  # its text is the answer's body
    except httpx.TimeoutException as error:
        raise TimedOut(service) from error
    except httpx.HTTPError as error:
        raise Unreachable(service, type(error).__name__) from error


def _from_response(service: str, error: ApiError) -> ProviderError:
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if error.status_code is None or error.status_code < 400:  # noqa: PLR2004 (RFC 9110, 15.5)
        return BadAnswer(service, "unreadable answer")
    return from_status(service, error.status_code, retry_after_seconds(headers.get("retry-after")))
