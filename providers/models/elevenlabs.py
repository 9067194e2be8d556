"""ElevenLabs: speech synthesis, and recognition with Scribe, through its asynchronous client."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final

import httpx
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.core.parse_error import ParsingError
from elevenlabs.environment import ElevenLabsEnvironment

from audio.clip import WAV_RATE, wav_clip
from providers.errors import BadAnswer, Unreachable
from providers.languages import primary_subtag
from providers.models.pcm import LONGEST_BYTES, require_words, streamed_pcm
from providers.models.voices import Voices
from providers.ports import Transcript
from providers.wire.sdk_transport import LONGEST_WORDS_BYTES, Transport, http_client
from providers.wire.streams import open_response, time_limit
from providers.wire.text import repair_surrogates

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from elevenlabs.core.http_response import AsyncHttpResponse

    from audio.clip import Clip

    Request = AbstractAsyncContextManager[AsyncHttpResponse[AsyncIterator[bytes]]]

SERVICE: Final = "elevenlabs"
SCRIBE: Final = "scribe"
API_URL: Final[str] = ElevenLabsEnvironment.PRODUCTION.value
_PIECE_BYTES = 32 * 1024  # two thirds of a second of PCM, where the client's default is 1 KiB
_NO_LANGUAGE_CODE = "eleven_multilingual_v2"  # the model that refuses a language code
# Raised by the client for a malformed answer.
_UNREADABLE: Final = (ApiError, ParsingError, ValueError, TypeError, AttributeError, LookupError, RecursionError)
_CODES: Final = {"tl": "fil"}  # language codes that differ from ours


class _Client:
    """The vendor's client over our connections; every request must set `max_retries` to 0."""

    def __init__(
        self, service: str, api_key: str, base_url: str | None, *, timeout_seconds: float, limit_bytes: int
    ) -> None:
        self._base_url = base_url or API_URL
        self._timeout_seconds = timeout_seconds
        self._transport = Transport(service, limit_bytes=limit_bytes)
        http = http_client(self._transport)
        self._client = AsyncElevenLabs(api_key=api_key, base_url=self._base_url, httpx_client=http)

    async def warm(self) -> None:
        await self._transport.warm(self._base_url)

    async def close(self) -> None:
        await self._transport.aclose()


class ElevenLabsSynthesizer(_Client):
    """Synthesizer; `voices` maps primary subtags and "default" to voice ids.

    `timeout_seconds` is until the answer begins, until the first sound, and between two.
    """

    sample_rate: Final = 24_000  # 44,100 Hz needs a higher plan

    def __init__(
        self,
        api_key: str,
        *,
        model: str,
        voices: Mapping[str, str],
        base_url: str | None = None,
        timeout_seconds: float = 8.0,
    ) -> None:
        super().__init__(SERVICE, api_key, base_url, timeout_seconds=timeout_seconds, limit_bytes=LONGEST_BYTES)
        self._model = model
        self._voices = Voices(SERVICE, model, voices)

    async def speak(self, text: str, *, language: str, before: str = "", after: str = "") -> AsyncGenerator[bytes]:
        request = self._request(
            require_words(SERVICE, text), language, repair_surrogates(before), repair_surrogates(after)
        )
        pcm = streamed_pcm(
            open_response(SERVICE, self._timeout_seconds, request),
            lambda response: response.data,
            service=SERVICE,
            sample_rate=self.sample_rate,
            timeout_seconds=self._timeout_seconds,
        )
        async with _sdk_errors(SERVICE), aclosing(pcm) as pieces:
            async for piece in pieces:
                yield piece

    async def check(self) -> None:
        """List the models, for free, to check address and key."""
        async with _sdk_errors(SERVICE), time_limit(SERVICE, self._timeout_seconds):
            models: object = await self._client.models.list(request_options={"max_retries": 0})
        if not isinstance(models, list):  # the client takes any JSON for a list
            raise BadAnswer(SERVICE, "no models")

    def _request(self, text: str, language: str, before: str, after: str) -> Request:
        request: Request = self._client.text_to_speech.with_raw_response.stream(
            self._voices.voice_for(language),
            text=text,
            previous_text=before or None,
            next_text=after or None,
            model_id=self._model,
            output_format=f"pcm_{self.sample_rate}",
            language_code=None if self._model == _NO_LANGUAGE_CODE else _CODES.get(language, language),
            request_options={"max_retries": 0, "chunk_size": _PIECE_BYTES},
        )
        return request


class ElevenLabsTranscriber(_Client):
    """Transcriber on Scribe (https://elevenlabs.io/docs/api-reference/speech-to-text/convert)."""

    def __init__(self, api_key: str, *, base_url: str | None = None, timeout_seconds: float = 15.0) -> None:
        super().__init__(SCRIBE, api_key, base_url, timeout_seconds=timeout_seconds, limit_bytes=LONGEST_WORDS_BYTES)

    async def transcribe(self, speech: Clip, *, language: str | None = None) -> Transcript:
        hint = {"language_code": language} if language else {}
        async with _sdk_errors(SCRIBE), time_limit(SCRIBE, self._timeout_seconds):
            answer = await self._client.speech_to_text.convert(
                model_id="scribe_v1",
                file=("memo.wav", speech.data, "audio/wav"),
                tag_audio_events=False,  # "(laughter)" is not what a person said
                timestamps_granularity="none",
                request_options={"max_retries": 0},  # two by default
                **hint,  # type: ignore[arg-type] # the one optional word
            )
        # The client checks little of an answer: whatever JSON came may be a model without these attributes.
        text = getattr(answer, "text", None)
        if not isinstance(text, str):
            raise BadAnswer(SCRIBE, "no text")
        return Transcript(repair_surrogates(text).strip(), primary_subtag(getattr(answer, "language_code", None)))

    async def check(self) -> None:
        """Recognize half a second of silence: a key may be good for speech and not for recognition."""
        await self.transcribe(wav_clip(bytes(WAV_RATE), sample_rate=WAV_RATE))


@asynccontextmanager
async def _sdk_errors(service: str) -> AsyncIterator[None]:
    try:
        yield
    except httpx.HTTPError as error:
        raise Unreachable(service, type(error).__name__) from error
    except _UNREADABLE as error:
        raise BadAnswer(service, type(error).__name__) from None  # its text may be the answer's body
