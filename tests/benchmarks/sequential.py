"""`python -m tests.benchmarks.sequential`: a plain worker in the order of the original architecture, to compare with.

One memo at a time, and one step after the other: download, store, convert, store, fetch again, transcribe, reply whole,
speak whole, store, convert, send. Honest, and not tuned: the same SDKs with their clients made once and left as their
vendors ship them, the same ffmpeg binary with the settings that the architecture names, the same archive. It has no
ledger, no retries, no fallbacks and no history, which would all cost it time.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import tempfile
import wave
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import boto3
import imageio_ffmpeg
from aiokafka import AIOKafkaConsumer
from elevenlabs.client import AsyncElevenLabs
from huggingface_hub import AsyncInferenceClient

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

INSTRUCTIONS = "You answer voice memos. Reply in two or three short sentences that can be read aloud."
_SPEECH_RATE = 24_000


@dataclass(frozen=True, slots=True)
class Sequential:
    """Answers one memo after the other."""

    http: aiohttp.ClientSession
    archive: S3Client
    bucket: str
    whisper: AsyncInferenceClient
    llama: AsyncInferenceClient
    voice: AsyncElevenLabs
    variables: dict[str, str]

    async def answer(self, message: dict[str, Any]) -> None:
        """Take one memo through all steps."""
        name = message["id"]
        original = await self.download(message["attachments"][0]["url"])
        await self.store(f"{name}.opus", original)
        wav = await convert(original, "memo.opus", "memo.wav", "-ar", "16000", "-ac", "1", "-f", "wav")
        await self.store(f"{name}.wav", wav)
        wav = await self.fetch(f"{name}.wav")
        words = (await self.whisper.automatic_speech_recognition(wav)).text
        reply = await self.reply(words)
        speech = await self.speak(reply)
        await self.store(f"{name}-tts.wav", speech)
        m4a = await convert(speech, "tts.wav", "tts.m4a", "-c:a", "aac", "-b:a", "64k")
        await self.send(message, reply, m4a)

    async def download(self, url: str) -> bytes:
        """Fetch the recording."""
        async with self.http.get(url) as response:
            response.raise_for_status()
            return await response.read()

    async def store(self, key: str, data: bytes) -> None:
        """Keep something in the archive."""
        put = partial(self.archive.put_object, Bucket=self.bucket, Key=key, Body=data)
        await asyncio.to_thread(put)

    async def fetch(self, key: str) -> bytes:
        """Read it again."""

        def get() -> bytes:
            return self.archive.get_object(Bucket=self.bucket, Key=key)["Body"].read()

        return await asyncio.to_thread(get)

    async def reply(self, words: str) -> str:
        """Have the model write a reply, whole."""
        turns = [{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": words}]
        answered = await self.llama.chat_completion(turns, model="meta-llama/Llama-3.2-3B-Instruct", max_tokens=220)
        return str(answered.choices[0].message.content)

    async def speak(self, text: str) -> bytes:
        """Have the reply spoken, whole, as WAV."""
        stream = self.voice.text_to_speech.stream(
            "voice-en", text=text, model_id="eleven_flash_v2_5", output_format="pcm_24000", language_code="en"
        )
        pcm = b"".join([piece async for piece in stream])
        whole = BytesIO()
        with wave.open(whole, "wb") as file:
            file.setparams((1, 2, _SPEECH_RATE, 0, "NONE", ""))
            file.writeframes(pcm)
        return whole.getvalue()

    async def send(self, message: dict[str, Any], text: str, m4a: bytes) -> None:
        """Send the reply through the Series API."""
        attachment = {
            "filename": f"tts_response_{message['id']}.m4a",
            "mime_type": "audio/mp4",
            "data_base64": base64.b64encode(m4a).decode(),
        }
        body = {
            "message": {
                "text": text,
                "idempotency_key": f"sequential-{message['chat_id']}-{message['id']}-0",
                "attachments": [attachment],
            }
        }
        url = f"{self.variables['SERIES_API_URL']}/api/chats/{message['chat_id']}/chat_messages"
        headers = {"Authorization": f"Bearer {self.variables['SERIES_API_KEY']}"}
        async with self.http.post(url, json=body, headers=headers) as response:
            response.raise_for_status()


async def convert(data: bytes, source: str, target: str, *how: str) -> bytes:
    """Convert with ffmpeg, from file to file."""
    with tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread((Path(folder) / source).write_bytes, data)
        process = await asyncio.create_subprocess_exec(
            imageio_ffmpeg.get_ffmpeg_exe(),
            *("-y", "-loglevel", "error", "-i", source, *how, target),
            cwd=folder,
        )
        if await process.wait() != 0:
            raise RuntimeError("ffmpeg failed")
        return await asyncio.to_thread((Path(folder) / target).read_bytes)


async def main(variables: dict[str, str]) -> None:
    """Answer until we are terminated."""
    topic, servers = variables["KAFKA_TOPIC"], variables["KAFKA_BOOTSTRAP_SERVERS"]
    async with AsyncExitStack() as closing:
        worker = Sequential(
            http=await closing.enter_async_context(aiohttp.ClientSession()),
            archive=boto3.client("s3"),
            bucket=variables["ARCHIVE_URL"].removeprefix("s3://"),
            whisper=AsyncInferenceClient(
                model=variables["HF_WHISPER_URL"], token=variables["HF_TOKEN"], headers={"Content-Type": "audio/wav"}
            ),
            llama=AsyncInferenceClient(base_url=variables["HF_LLAMA_URL"], api_key=variables["HF_TOKEN"]),
            voice=AsyncElevenLabs(api_key=variables["ELEVENLABS_API_KEY"], base_url=variables["ELEVENLABS_BASE_URL"]),
            variables=variables,
        )
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=servers,
            group_id="sequential",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await consumer.start()
        closing.push_async_callback(consumer.stop)
        async for record in consumer:
            message = json.loads(record.value)["data"]
            _told("memo.taken", message)
            await worker.answer(message)
            _told("memo.settled", message)
            await consumer.commit()


def _told(event: str, message: dict[str, Any]) -> None:
    """Write a line down, as voicememo does."""
    line = {
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "level": "info",
        "event": event,
        "chat_id": message["chat_id"],
        "message_id": message["id"],
    }
    sys.stderr.write(f"{json.dumps(line)}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    asyncio.run(main(dict(os.environ)))
