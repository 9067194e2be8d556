"""Cartesia: speech, through its own asynchronous client."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from cartesia import APIConnectionError, APIError, APIStatusError, APITimeoutError, AsyncCartesia

from providers.errors import BadAnswer, TimedOut, Unreachable, from_status
from providers.http import retry_after_seconds
from providers.pcm import whole_samples

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

SERVICE = "cartesia"


class CartesiaSynthesizer:
    """Speaks with a voice per language.

    Args:
        api_key: of Cartesia.
        base_url: of a loopback; the vendor's when None.
        model: such as sonic-3.
        voices: language (primary subtag) → voice id, and "default".
        timeout_seconds: to connect, and between two pieces, in seconds.
        sample_rate: of the PCM, in Hz.
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
        # Its client would retry twice by itself, time-outs included: three times the time that we allow.
        self._client = AsyncCartesia(api_key=api_key, base_url=base_url, timeout=timeout_seconds, max_retries=0)
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
        async with (
            _mapped(),
            self._request(text, language) as response,
            aclosing(whole_samples(response.iter_bytes())) as pieces,
        ):
            async for piece in pieces:
                heard = True
                yield piece
        if not heard:
            raise BadAnswer(SERVICE, "no sound")

    async def check(self) -> None:
        """List one voice, which costs nothing, to learn whether address and key are right."""
        async with _mapped():
            await self._client.voices.list(limit=1)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _request(self, text: str, language: str):  # type: ignore[no-untyped-def] # noqa: ANN202 (the client's own type)
        return self._client.tts.with_streaming_response.generate(
            model_id=self._model,
            transcript=text,
            voice={"mode": "id", "id": self._voices.get(language) or self._voices["default"]},  # type: ignore[arg-type] # its TypedDict in plain
            output_format={"container": "raw", "encoding": "pcm_s16le", "sample_rate": self._sample_rate},  # type: ignore[arg-type,misc] # the same
            language=language,
        )


@asynccontextmanager
async def _mapped() -> AsyncIterator[None]:
    """Turn what the client raises for the service's fault into ProviderErrors."""
    try:
        yield
    except APITimeoutError as error:
        raise TimedOut(SERVICE) from error
    except APIConnectionError as error:
        raise Unreachable(SERVICE) from error
    except APIStatusError as error:
        wait = retry_after_seconds(error.response.headers.get("Retry-After"))
        raise from_status(SERVICE, error.status_code, wait) from error
    except APIError as error:
        raise BadAnswer(SERVICE, type(error).__name__) from error
