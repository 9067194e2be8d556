"""Cartesia: speech synthesis through its asynchronous client."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final

from cartesia import APIConnectionError, APIError, AsyncCartesia

from providers.errors import BadAnswer, ProviderError, Unreachable
from providers.models.pcm import LONGEST_BYTES, require_words, streamed_pcm
from providers.models.voices import Voices
from providers.wire.sdk_transport import Transport, http_client
from providers.wire.streams import open_response, time_limit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

SERVICE = "cartesia"


class CartesiaSynthesizer:
    """Synthesizer; `voices` maps primary subtags and "default" to voice ids.

    `timeout_seconds` is until the answer begins, until the first sound, and between two.
    """

    sample_rate: Final = 24_000

    def __init__(
        self,
        api_key: str,
        *,
        model: str,
        voices: Mapping[str, str],
        base_url: str | None = None,
        timeout_seconds: float = 8.0,
    ) -> None:
        self._transport = Transport(SERVICE, limit_bytes=LONGEST_BYTES)
        # Its client would retry twice by itself, time-outs included: three times the time that we allow.
        self._client = AsyncCartesia(
            api_key=api_key, base_url=base_url, timeout=None, max_retries=0, http_client=http_client(self._transport)
        )
        self._timeout_seconds = timeout_seconds
        self._model = model
        self._voices = Voices(SERVICE, model, voices)

    async def speak(self, text: str, *, language: str, before: str = "", after: str = "") -> AsyncGenerator[bytes]:  # noqa: ARG002 (its wire takes none)
        request = self._request(require_words(SERVICE, text), language)
        pcm = streamed_pcm(
            open_response(SERVICE, self._timeout_seconds, request),
            lambda response: response.iter_bytes(),
            service=SERVICE,
            sample_rate=self.sample_rate,
            timeout_seconds=self._timeout_seconds,
        )
        async with _sdk_errors(), aclosing(pcm) as pieces:
            async for piece in pieces:
                yield piece

    async def check(self) -> None:
        """List one voice, for free, to check address and key."""
        async with _sdk_errors(), time_limit(SERVICE, self._timeout_seconds):
            page = await self._client.voices.list(limit=1)
        if not isinstance(getattr(page, "data", None), list):  # its client takes any page for one
            raise BadAnswer(SERVICE, "no voices")

    async def warm(self) -> None:
        await self._transport.warm(str(self._client.base_url))

    async def close(self) -> None:
        await self._client.close()

    def _request(self, text: str, language: str):  # type: ignore[no-untyped-def] # noqa: ANN202 (the client's own type)
        return self._client.tts.with_streaming_response.generate(
            model_id=self._model,
            transcript=text,
            voice={"mode": "id", "id": self._voices.voice_for(language)},  # type: ignore[arg-type] # its TypedDict in plain
            output_format={"container": "raw", "encoding": "pcm_s16le", "sample_rate": self.sample_rate},
            language=language,
        )


@asynccontextmanager
async def _sdk_errors() -> AsyncIterator[None]:
    try:
        yield
    except APIConnectionError as error:
        if isinstance(error.__cause__, ProviderError):  # whatever is raised beneath it, it takes for a lost connection
            raise error.__cause__ from None
        raise Unreachable(SERVICE, type(error.__cause__).__name__) from error
    except (APIError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        # What the client raises when it reads an answer that is not what the wire says; its text may be the answer's.
        raise BadAnswer(SERVICE, type(error).__name__) from None
