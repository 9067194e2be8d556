"""ElevenLabs Scribe: speech recognition, through the vendor's own asynchronous client, on the key that speaks too."""

from __future__ import annotations

from elevenlabs.client import AsyncElevenLabs

from audio.clip import WAV_RATE, Clip, wav_clip
from providers.answers import within
from providers.elevenlabs import API_URL, mapped
from providers.encodable import encodable
from providers.errors import BadAnswer
from providers.language_codes import subtag
from providers.ports import Transcript
from providers.transport import Transport, http_client

SERVICE = "scribe"


class ElevenLabsTranscriber:
    """Recognises with Scribe (https://elevenlabs.io/docs/api-reference/speech-to-text/convert).

    Args:
        api_key: of ElevenLabs.
        base_url: of a loopback or a residency host; the vendor's when None.
        model: such as scribe_v1.
        timeout_seconds: for the whole request, in seconds.
    """

    def __init__(
        self, api_key: str, *, model: str = "scribe_v1", base_url: str | None = None, timeout_seconds: float = 15.0
    ) -> None:
        self._base_url = base_url or API_URL
        self._connections = Transport(SERVICE)
        http = http_client(self._connections)
        self._client = AsyncElevenLabs(api_key=api_key, base_url=self._base_url, httpx_client=http)
        self._timeout_seconds = timeout_seconds
        self._model = model

    async def transcribe(self, speech: Clip, *, language: str | None = None) -> Transcript:
        """Recognise a 16 kHz mono s16 WAV; `language` is passed on as a hint."""
        hint = {"language_code": language} if language else {}
        async with mapped(SERVICE), within(SERVICE, self._timeout_seconds):
            heard = await self._client.speech_to_text.convert(
                model_id=self._model,
                file=("memo.wav", speech.data, "audio/wav"),
                tag_audio_events=False,  # "(laughter)" is not what a person said
                timestamps_granularity="none",
                request_options={"max_retries": 0},  # two, unless it is told
                **hint,  # type: ignore[arg-type] # the one optional word
            )
        # The client checks little of an answer: whatever JSON came may be a model without these attributes.
        text = getattr(heard, "text", None)
        if not isinstance(text, str):
            raise BadAnswer(SERVICE, "no text")
        return Transcript(encodable(text).strip(), subtag(getattr(heard, "language_code", None)))

    async def check(self) -> None:
        """Have half a second of silence recognised: a key may be good for speech and not for recognition."""
        await self.transcribe(wav_clip(bytes(WAV_RATE), sample_rate=WAV_RATE))

    async def warm(self) -> None:
        """Open a connection, before anything is asked. Raises nothing."""
        await self._connections.warm(self._base_url)

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.aclose()
