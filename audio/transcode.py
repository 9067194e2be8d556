"""Any container → 16 kHz mono WAV; a PCM stream → M4A. ffmpeg as a bounded subprocess.

What ffmpeg is told is in audio/ffmpeg_commands.py; the bench (audio/bench.py) runs it: in a private folder, with a
deadline, and gone afterwards.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import imageio_ffmpeg

from audio.ahead import Ahead
from audio.bench import bench, in_thread
from audio.clip import Clip
from audio.errors import DecodeFailed, EncodeFailed, TooLong, TranscodeError
from audio.ffmpeg_commands import DEMUXERS, TOLERANT, decoding, encoding
from audio.formats import Format
from audio.wav import SAMPLE_BYTES, WAV_RATE, wav_clip

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence

    from audio.bench import Bench, Ended, Running

_ENCODERS = 32
"""An encoder mostly waits for the voice; while it does, it takes 7 MB and no CPU."""
_PCM_FILE = "out.pcm"
_COPIED_AT_ONCE_BYTES = 4 * 1024 * 1024
"""Of PCM, two minutes: copied in a millisecond, where a thread is not worth its while."""


class Transcoder:
    """Decodes and encodes.

    Args:
        program: the ffmpeg to run; the one in imageio-ffmpeg's wheel when None.
        deadline_seconds: for one decode or encode, in seconds; waiting for a slot, or for PCM, does not count.
        max_seconds: the longest recording that is decoded, and the longest reply that is encoded, in seconds of sound.
        threads: how many threads a decoder or encoder may use.
        processes: how many recordings may be decoded at once, and as many ahead; the number of cores when None.
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
        self._program = _found(program or imageio_ffmpeg.get_ffmpeg_exe())
        self._deadline_seconds = deadline_seconds
        self._max_seconds = max_seconds
        self._threads = threads
        at_once = processes or os.cpu_count() or 1
        self._decoders = asyncio.Semaphore(at_once)
        # By themselves: they wait for the network, and whoever has the whole recording must not wait for that.
        self._ahead = asyncio.Semaphore(at_once)
        self._encoders = asyncio.Semaphore(_ENCODERS)

    @asynccontextmanager
    async def ahead(self) -> AsyncIterator[Ahead]:
        """Decode a recording while it comes: what is given has to be told of its pieces, and is then for decode()."""
        ahead = Ahead(self._decoded_ahead)
        try:
            yield ahead
        finally:
            await ahead.put_down()

    async def decode(self, clip: Clip, ahead: Ahead | None = None) -> Clip:
        """Make a WAV of any recording: 16 kHz, mono, signed 16 bit, behind a header of 44 bytes.

        Args:
            clip: the recording.
            ahead: what has been told of its pieces, if anything has.

        Raises:
            DecodeFailed: it cannot be read, not even in part, or has no sound in it.
            TooLong: it plays longer than max_seconds.
            TranscodeTimeout: ffmpeg did not end in time.
        """
        pcm = await ahead.pcm(clip) if ahead is not None else b""
        pcm = pcm or await self._decoded_whole(clip)
        if len(pcm) > self._max_seconds * WAV_RATE * SAMPLE_BYTES:
            raise TooLong(f"longer than {self._max_seconds:g} s")
        if len(pcm) > _COPIED_AT_ONCE_BYTES:
            return await in_thread(wav_clip, pcm, sample_rate=WAV_RATE)
        return wav_clip(pcm, sample_rate=WAV_RATE)

    async def encode(self, pcm: AsyncIterable[bytes], *, sample_rate: int) -> Clip:
        """Make an M4A (AAC-LC, 64 kbit/s, mono, index at the front) of a stream of mono s16le PCM, as it comes.

        An exception of the stream passes through. The stream is not closed, and after an error here the caller may
        read on where we stopped.

        Raises:
            EncodeFailed: ffmpeg refused, or there was no sound, or more than max_seconds of it.
            TranscodeTimeout: ffmpeg did not read, or did not end, in time.
        """
        pieces = aiter(pcm)
        first = await _first(pieces)
        async with self._encoders, bench(EncodeFailed, seconds=self._deadline_seconds) as place:
            target = "out.m4a"
            command = encoding(self._program, target, sample_rate=sample_rate, threads=self._threads)
            async with place.running(command, fed=True) as program:
                taken = await self._feed(program, first, pieces, sample_rate)
                ended = await program.ended()
            data = await place.get(target)
        if taken is None or ended.status != 0 or not data:
            raise EncodeFailed("ffmpeg refused", ended.last_words)
        return Clip(data, Format.M4A, taken // SAMPLE_BYTES / sample_rate)

    async def wav(self, pcm: AsyncIterable[bytes], *, sample_rate: int) -> Clip:
        """Make a WAV of a stream of mono s16le PCM, without ffmpeg: for when it fails.

        Raises:
            EncodeFailed: there was no sound, or more than max_seconds of it.
        """
        pieces, size = [], 0
        async for piece in pcm:
            size += len(piece)
            self._check_length(size, sample_rate)
            pieces.append(piece)
        if size < SAMPLE_BYTES:
            raise EncodeFailed("no sound")
        return await in_thread(lambda: wav_clip(b"".join(pieces), sample_rate=sample_rate))

    async def version(self) -> str:
        """Say which ffmpeg this is: the first line of `ffmpeg -version`.

        Raises:
            TranscodeError: there is no ffmpeg, or it does not answer.
        """
        async with bench(TranscodeError, seconds=self._deadline_seconds) as place:
            ended = await place.run([self._program, "-version"])
        if ended.status != 0:
            raise TranscodeError("ffmpeg does not say its version", ended.last_words)
        return ended.said.partition("\n")[0]

    async def _decoded_ahead(self, known: Format, pieces: AsyncIterator[bytes]) -> bytes:
        """Decode what comes piece by piece; empty if as many others do, or when ffmpeg is not content."""
        if self._ahead.locked():
            return b""
        async with self._ahead, bench(DecodeFailed, seconds=self._deadline_seconds) as place:
            command = self._decoding("pipe:0", {"f": DEMUXERS[known]})
            async with place.running(command, fed=True) as program:
                ended = await _fed(program, pieces)
            pcm = await place.get(_PCM_FILE)
        return _whole_samples(pcm) if ended.status == 0 else b""

    async def _decoded_whole(self, clip: Clip) -> bytes:
        source = f"in{clip.format.suffix}"
        laid_out = {source: clip.data}
        async with self._decoders, bench(DecodeFailed, seconds=self._deadline_seconds, files=laid_out) as place:
            return await self._decoded(place, source, clip.format)

    async def _decoded(self, place: Bench, source: str, known: Format) -> bytes:
        """Decode by the sniffed container; if that fails, once more, tolerantly, and take what could be saved."""
        saved, last_words = b"", ""
        if known in DEMUXERS:
            saved, last_words, whole = await self._tried(place, source, {"f": DEMUXERS[known]})
            if saved and whole:
                return saved
        more, more_words, _ = await self._tried(place, source, TOLERANT)
        saved = max(saved, more, key=len)
        if not saved:
            raise DecodeFailed("the recording cannot be read", more_words or last_words)
        return saved

    async def _tried(self, place: Bench, source: str, how: Mapping[str, str]) -> tuple[bytes, str, bool]:
        """Decode once: give the PCM, ffmpeg's last words, and whether it was content."""
        ended = await place.run(self._decoding(f"file:{source}", how))
        pcm = await place.get(_PCM_FILE)
        return _whole_samples(pcm), ended.last_words, ended.status == 0

    def _decoding(self, source: str, how: Mapping[str, str]) -> Sequence[str]:
        return decoding(self._program, source, _PCM_FILE, how, threads=self._threads, max_seconds=self._max_seconds)

    async def _feed(self, program: Running, first: bytes, pieces: AsyncIterator[bytes], sample_rate: int) -> int | None:
        """Give the program all the PCM; say how many bytes it were, or None when it would not take them."""
        size, piece = 0, first
        while True:
            size += len(piece)
            self._check_length(size, sample_rate)
            if not await program.take(piece):
                return None
            try:
                piece = await anext(pieces)
            except StopAsyncIteration:
                return size

    def _check_length(self, size: int, sample_rate: int) -> None:
        if size > self._max_seconds * sample_rate * SAMPLE_BYTES:
            raise EncodeFailed(f"more than {self._max_seconds:g} s of sound")


async def _fed(program: Running, pieces: AsyncIterator[bytes]) -> Ended:
    """Give a program its input as it comes, as far as it takes it, and see it end."""
    async for piece in pieces:
        if not await program.take(piece):
            break
    return await program.ended()


def _whole_samples(pcm: bytes) -> bytes:
    return pcm[: len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES]


def _found(program: str) -> str:
    """Give a program's absolute path: it runs in a folder of its own. One that cannot be found stays as it is."""
    found = shutil.which(program)
    return str(Path(found).absolute()) if found else program


async def _first(pieces: AsyncIterator[bytes]) -> bytes:
    """Wait for the first whole sample: a voice that fails before it costs no process.

    Raises:
        EncodeFailed: there is none.
    """
    begun = b""
    async for piece in pieces:
        begun += piece
        if len(begun) >= SAMPLE_BYTES:
            return begun
    raise EncodeFailed("no sound")
