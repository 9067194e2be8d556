"""Any server of the OpenAI wire (https://platform.openai.com/docs/api-reference: audio, chat).

Paths are added to `base_url`; an empty `key` is not sent. `timeout_seconds` is until an answer begins, and for each
pause in a stream.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from audio.clip import WAV_RATE, Clip, wav_clip
from providers.errors import BadAnswer, Rejected
from providers.languages import primary_subtag
from providers.models.openai_wire import SERVICE, OpenAiWire, events, parse_object, read_object
from providers.models.pcm import require_words, streamed_pcm
from providers.models.reply_stream import is_end, reply_stream
from providers.models.voices import Voices
from providers.ports import ChatTurn, Role, Transcript
from providers.wire.text import repair_surrogates

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

API_URL = "https://api.openai.com/v1"
_MAX_TOKENS = 220  # about 80 spoken words in the languages that take the most tokens
_FORMAT_REFUSED: Final = {400, 422}
_DONE = b"[DONE]"


class _Adapter:
    def __init__(self, base_url: str, key: str, *, timeout_seconds: float) -> None:
        self._wire = OpenAiWire(base_url, key, timeout_seconds=timeout_seconds)
        self._timeout_seconds = timeout_seconds

    async def warm(self) -> None:
        await self._wire.warm()

    async def close(self) -> None:
        await self._wire.close()


class OpenAiTranscriber(_Adapter):
    """Transcriber (https://platform.openai.com/docs/api-reference/audio/createTranscription).

    Requests verbose_json, which has the language, or json where that is refused, as for gpt-4o-transcribe.
    """

    def __init__(self, base_url: str, key: str, *, model: str, timeout_seconds: float = 15.0) -> None:
        super().__init__(base_url, key, timeout_seconds=timeout_seconds)
        self._model = model
        self._verbose = True

    async def transcribe(self, speech: Clip, *, language: str | None = None) -> Transcript:
        if self._verbose:
            try:
                return await self._request("verbose_json", speech, language)
            except Rejected as error:
                if error.status not in _FORMAT_REFUSED:
                    raise
        answer = await self._request("json", speech, language)
        self._verbose = False  # only now: what it refused was the format, not the recording
        return answer

    async def check(self) -> None:
        """Recognize half a second of silence, to check address, key and model."""
        await self.transcribe(wav_clip(bytes(WAV_RATE), sample_rate=WAV_RATE))

    async def _request(self, response_format: str, speech: Clip, language: str | None) -> Transcript:
        form = aiohttp.FormData()
        form.add_field("file", speech.data, filename="memo.wav", content_type="audio/wav")
        form.add_field("model", self._model)
        form.add_field("response_format", response_format)
        if language:
            form.add_field("language", language)
        async with self._wire.post_form("/audio/transcriptions", form) as response:
            answer = await read_object(response)
        text = answer.get("text")
        if not isinstance(text, str):
            raise BadAnswer(SERVICE, "no text")
        return Transcript(repair_surrogates(text).strip(), primary_subtag(answer.get("language")))


class OpenAiReplier(_Adapter):
    """Replier (https://platform.openai.com/docs/api-reference/chat/create) for models that take max_tokens."""

    def __init__(
        self, base_url: str, key: str, *, model: str, timeout_seconds: float = 10.0, max_tokens: int = _MAX_TOKENS
    ) -> None:
        super().__init__(base_url, key, timeout_seconds=timeout_seconds)
        self._model = model
        self._max_tokens = max_tokens

    async def reply(self, turns: Sequence[ChatTurn], *, language: str) -> AsyncGenerator[str]:  # noqa: ARG002 (in the turns)
        body = {**self._body(turns, self._max_tokens), "stream": True}
        async with self._wire.post_json("/chat/completions", body) as response:
            words = _deltas(response.content.iter_any())
            async with aclosing(reply_stream(words, service=SERVICE, timeout_seconds=self._timeout_seconds)) as pieces:
                async for piece in pieces:
                    yield piece

    async def check(self) -> None:
        """Request one token, to check address, key and model."""
        async with self._wire.post_json("/chat/completions", self._body([ChatTurn(Role.USER, "Hi")], 1)) as response:
            choices = (await read_object(response)).get("choices")
        if not isinstance(choices, list) or not choices:
            raise BadAnswer(SERVICE, "no choices")

    def _body(self, turns: Sequence[ChatTurn], max_tokens: int) -> dict[str, object]:
        messages = [{"role": turn.role.value, "content": repair_surrogates(turn.text)} for turn in turns]
        return {"model": self._model, "messages": messages, "max_tokens": max_tokens}


class OpenAiSynthesizer(_Adapter):
    """Synthesizer (https://platform.openai.com/docs/api-reference/audio/createSpeech).

    The model infers the language from the text. `voices` maps primary subtags and "default".
    """

    # In Hz, of response_format=pcm (https://platform.openai.com/docs/guides/text-to-speech#supported-output-formats).
    sample_rate: Final = 24_000

    def __init__(
        self, base_url: str, key: str, *, model: str, voices: Mapping[str, str], timeout_seconds: float = 8.0
    ) -> None:
        super().__init__(base_url, key, timeout_seconds=timeout_seconds)
        self._model = model
        self._voices = Voices(SERVICE, model, voices)

    async def speak(self, text: str, *, language: str, before: str = "", after: str = "") -> AsyncGenerator[bytes]:  # noqa: ARG002 (its wire takes none)
        body = {
            "model": self._model,
            "input": require_words(SERVICE, text),
            "voice": self._voices.voice_for(language),
            "response_format": "pcm",
        }
        pcm = streamed_pcm(
            self._wire.post_json("/audio/speech", body),
            lambda response: response.content.iter_any(),
            service=SERVICE,
            sample_rate=self.sample_rate,
            timeout_seconds=self._timeout_seconds,
        )
        async with aclosing(pcm) as pieces:
            async for piece in pieces:
                yield piece

    async def check(self) -> None:
        """Synthesize a syllable, to check address, key and model."""
        async for _ in self.speak("Hi", language="en"):
            pass


async def _deltas(pieces: AsyncIterator[bytes]) -> AsyncGenerator[str]:
    async with aclosing(events(pieces)) as found:
        async for data in found:
            if data == _DONE:
                return
            words, finished = _delta(parse_object(data))
            if words:
                yield words
            if is_end(SERVICE, finished):
                return
    raise BadAnswer(SERVICE, "cut short")  # it had no end


def _delta(chunk: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return a chunk's words and finish reason; one without choices reports usage."""
    choices = chunk.get("choices") or [{}]
    try:
        words, finished = (choices[0].get("delta") or {}).get("content"), choices[0].get("finish_reason")
    except (AttributeError, LookupError, TypeError):
        raise BadAnswer(SERVICE, "not a chunk") from None
    if not isinstance(words, str | None) or not isinstance(finished, str | None):
        raise BadAnswer(SERVICE, "not a chunk")
    return words or "", finished
