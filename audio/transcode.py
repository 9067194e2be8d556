"""Transcoding with ffmpeg: recordings → 16 kHz mono WAV, PCM → M4A."""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import imageio_ffmpeg

from audio.clip import SAMPLE_BYTES, WAV_RATE, Clip, wav_clip
from audio.errors import DecodeFailed, EncodeFailed, TooLong, TranscodeError
from audio.ffmpeg_commands import DEMUXERS, TOLERANT, decoding, encoding
from audio.formats import Format
from audio.scratch_dir import scratch_dir
from audio.streaming_decode import StreamingDecode
from audio.uncancelled import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence

    from audio.scratch_dir import Exit, Program, ScratchDir

_ENCODERS = 32  # an encoder mostly waits for the synthesizer, and then takes 7 MB and no CPU
_PCM_FILE = "out.pcm"
# Two minutes of PCM, copied in a millisecond: below that no thread is worth its cost.
_COPIED_AT_ONCE_BYTES = 4 * 1024 * 1024


class Transcoder:
    """Decoder and encoder, bounded in time and number: `processes` may decode at once.

    `deadline_seconds` is for one run of ffmpeg, without waiting for a slot or for PCM; `max_seconds` bounds the sound.
    """

    def __init__(
        self,
        program: str | None = None,
        *,
        deadline_seconds: float = 20.0,
        max_seconds: float = 1800.0,
        threads: int = 1,
        processes: int | None = None,
    ) -> None:
        self._program = _absolute(program or imageio_ffmpeg.get_ffmpeg_exe())
        self._deadline_seconds = deadline_seconds
        self._max_seconds = max_seconds
        self._threads = threads
        at_once = processes or os.cpu_count() or 1
        self._decoders = asyncio.Semaphore(at_once)
        # Apart from the decoders: they wait for the network, and a whole recording must not wait for that.
        self._ahead = asyncio.Semaphore(at_once)
        self._encoders = asyncio.Semaphore(_ENCODERS)

    @asynccontextmanager
    async def ahead(self) -> AsyncIterator[StreamingDecode]:
        """Open a decoder for a recording that is still downloaded; pass it to decode()."""
        ahead = StreamingDecode(self._decode_ahead)
        try:
            yield ahead
        finally:
            await ahead.close()

    async def decode(self, clip: Clip, ahead: StreamingDecode | None = None) -> Clip:
        """Decode any recording to a 16 kHz mono s16 WAV. Raises DecodeFailed, TooLong and TranscodeTimeout."""
        pcm = (ahead and await ahead.pcm(clip)) or await self._decode_whole(clip)
        if len(pcm) > self._max_seconds * WAV_RATE * SAMPLE_BYTES:
            raise TooLong(f"longer than {self._max_seconds:g} s")
        if len(pcm) > _COPIED_AT_ONCE_BYTES:
            return await in_thread(wav_clip, pcm, sample_rate=WAV_RATE)
        return wav_clip(pcm, sample_rate=WAV_RATE)

    async def encode(self, pcm: AsyncIterable[bytes], *, sample_rate: int) -> Clip:
        """Encode a stream of mono s16le PCM to M4A (AAC-LC, 64 kbit/s, index in front).

        The stream stays open, so after an error the caller may read on. Raises EncodeFailed and TranscodeTimeout.
        """
        pieces = aiter(pcm)
        first = await _first_sample(pieces)  # a voice that fails before it costs no process
        async with self._encoders, scratch_dir(EncodeFailed, seconds=self._deadline_seconds) as scratch:
            target = "out.m4a"
            command = encoding(self._program, target, sample_rate=sample_rate, threads=self._threads)
            async with scratch.running(command, with_input=True) as program:
                taken = await self._feed(program, first, pieces, sample_rate)
                result = await program.finish()
            data = await scratch.read(target)
        if taken is None or result.status != 0 or not data:
            raise EncodeFailed("ffmpeg refused", result.last_words)
        return Clip(data, Format.M4A, taken // SAMPLE_BYTES / sample_rate)

    async def wav(self, pcm: AsyncIterable[bytes], *, sample_rate: int) -> Clip:
        """Make a WAV of PCM without ffmpeg. Raises EncodeFailed: no sound, or more than max_seconds."""
        pieces, size = [], 0
        async for piece in pcm:
            size += len(piece)
            self._check_length(size, sample_rate)
            pieces.append(piece)
        if size < SAMPLE_BYTES:
            raise EncodeFailed("no sound")
        return await in_thread(lambda: wav_clip(b"".join(pieces), sample_rate=sample_rate))

    async def version(self) -> str:
        """Return the first line of `ffmpeg -version`. Raises TranscodeError."""
        async with scratch_dir(TranscodeError, seconds=self._deadline_seconds) as scratch:
            result = await scratch.run([self._program, "-version"])
        if result.status != 0:
            raise TranscodeError("ffmpeg -version failed", result.last_words)
        return result.output.partition("\n")[0]

    async def _decode_ahead(self, known: Format, pieces: AsyncIterator[bytes]) -> bytes:
        if self._ahead.locked():  # full: it is decoded whole later
            return b""
        async with self._ahead, scratch_dir(DecodeFailed, seconds=self._deadline_seconds) as scratch:
            command = self._decode_command("pipe:0", {"f": DEMUXERS[known]})
            async with scratch.running(command, with_input=True) as program:
                result = await _write_all(program, pieces)
            pcm = await scratch.read(_PCM_FILE)
        return _whole_samples(pcm) if result.status == 0 else b""

    async def _decode_whole(self, clip: Clip) -> bytes:
        source, saved, last_words = f"in{clip.format.suffix}", b"", ""
        files = {source: clip.data}
        async with self._decoders, scratch_dir(DecodeFailed, seconds=self._deadline_seconds, files=files) as scratch:
            if clip.format in DEMUXERS:
                saved, last_words, whole = await self._decode_once(scratch, source, {"f": DEMUXERS[clip.format]})
                if saved and whole:
                    return saved
            salvaged, salvage_words, _ = await self._decode_once(scratch, source, TOLERANT)
        if not (saved or salvaged):
            raise DecodeFailed("the recording cannot be read", salvage_words or last_words)
        return max(saved, salvaged, key=len)

    async def _decode_once(self, scratch: ScratchDir, source: str, how: Mapping[str, str]) -> tuple[bytes, str, bool]:
        """Return the PCM, ffmpeg's last words, and its success."""
        result = await scratch.run(self._decode_command(f"file:{source}", how))
        pcm = await scratch.read(_PCM_FILE)
        return _whole_samples(pcm), result.last_words, result.status == 0

    def _decode_command(self, source: str, how: Mapping[str, str]) -> Sequence[str]:
        return decoding(self._program, source, _PCM_FILE, how, threads=self._threads, max_seconds=self._max_seconds)

    async def _feed(self, program: Program, first: bytes, pieces: AsyncIterator[bytes], sample_rate: int) -> int | None:
        """Return the bytes written, or None when the program stopped reading."""
        size, piece = 0, first
        while True:
            size += len(piece)
            self._check_length(size, sample_rate)
            if not await program.write(piece):
                return None
            try:
                piece = await anext(pieces)
            except StopAsyncIteration:
                return size

    def _check_length(self, size: int, sample_rate: int) -> None:
        if size > self._max_seconds * sample_rate * SAMPLE_BYTES:
            raise EncodeFailed(f"more than {self._max_seconds:g} s of sound")


async def _write_all(program: Program, pieces: AsyncIterator[bytes]) -> Exit:
    async for piece in pieces:
        if not await program.write(piece):
            break
    return await program.finish()


def _whole_samples(pcm: bytes) -> bytes:
    return pcm[: len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES]


def _absolute(program: str) -> str:
    found = shutil.which(program)
    return str(Path(found).absolute()) if found else program


async def _first_sample(pieces: AsyncIterator[bytes]) -> bytes:
    first = b""
    async for piece in pieces:
        first += piece
        if len(first) >= SAMPLE_BYTES:
            return first
    raise EncodeFailed("no sound")
