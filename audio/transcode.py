"""Any container → 16 kHz mono WAV; a PCM stream → M4A. ffmpeg as a bounded subprocess.

ffmpeg-python composes the graph, the bench (audio/bench.py) runs it: in a private folder, with a deadline, and gone
afterwards. A recording is a stranger's file, so ffmpeg gets no protocol but local files and pipes, no demuxer but that
of the container that was sniffed (at the second try, those of the containers that we know: no playlist, no
concatenation script), one thread, and a cap on what it allocates at once and on what it writes.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import ffmpeg
import imageio_ffmpeg

from audio.bench import bench, in_thread
from audio.clip import Clip
from audio.errors import DecodeFailed, EncodeFailed, TooLong, TranscodeError
from audio.formats import Format

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence

    from audio.bench import Bench, Running

WAV_RATE = 16_000
"""Of the WAV that is listened to, in Hz."""
SAMPLE_BYTES = 2
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
HEADER_BYTES = _HEADER.size
"""Of our WAV files: RIFF, fmt and data headers, no more."""
_PCM = 1  # WAVE_FORMAT_PCM
_BIT_RATE = "64k"
_AAC_CODER = "fast"
"""Measured on 10 s of speech at 24 kHz, one core: 41 ms CPU, against 83 ms with ffmpeg's default ("twoloop")."""
_ENCODERS = 32
"""An encoder mostly waits for the voice; while it does, it takes 7 MB and no CPU."""
_COPIED_AT_ONCE_BYTES = 4 * 1024 * 1024
"""Of PCM, two minutes: copied in a millisecond, where a thread is not worth its while."""
_LARGEST_ALLOCATION_BYTES = 256 * 1024 * 1024
_PAST_THE_LIMIT_SECONDS = 1.0
"""So much more than the limit is decoded, that what is longer is noticed."""
_DEMUXERS = {
    Format.OGG: "ogg",
    Format.CAF: "caf",
    Format.M4A: "mov",
    Format.MP3: "mp3",
    Format.WAV: "wav",
    Format.AIFF: "aiff",
    Format.AMR: "amr",
    Format.FLAC: "flac",
    Format.WEBM: "matroska",
    Format.AAC: "aac",
}
_TOLERANT = {
    "format_whitelist": ",".join((*_DEMUXERS.values(), "amrnb", "amrwb")),
    "fflags": "+discardcorrupt+genpts",
    "err_detect": "ignore_err",
}
_BIT_EXACT = {"map_metadata": -1, "fflags": "+bitexact", "flags": "+bitexact"}
"""The same sound gives the same file, and the file says of itself neither when nor by what it was made."""


class Transcoder:
    """Decodes and encodes.

    Args:
        program: the ffmpeg to run; the one in imageio-ffmpeg's wheel when None.
        deadline_seconds: for one decode or encode, in seconds; waiting for a slot, or for PCM, does not count.
        max_seconds: the longest recording that is decoded, and the longest reply that is encoded, in seconds of sound.
        threads: how many threads a decoder or encoder may use.
        processes: how many recordings may be decoded at once; the number of cores when None.
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
        self._decoders = asyncio.Semaphore(processes or os.cpu_count() or 1)
        self._encoders = asyncio.Semaphore(_ENCODERS)

    async def decode(self, clip: Clip) -> Clip:
        """Make a WAV of any recording: 16 kHz, mono, signed 16 bit, behind a header of 44 bytes.

        Raises:
            DecodeFailed: it cannot be read, not even in part, or has no sound in it.
            TooLong: it plays longer than max_seconds.
            TranscodeTimeout: ffmpeg did not end in time.
        """
        source = f"in{clip.format.suffix}"
        laid_out = {source: clip.data}
        async with self._decoders, bench(DecodeFailed, seconds=self._deadline_seconds, files=laid_out) as place:
            pcm = await self._decoded(place, source, clip.format)
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
            async with place.running(self._encoding(sample_rate, target), fed=True) as program:
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

    async def _decoded(self, place: Bench, source: str, known: Format) -> bytes:
        """Decode by the sniffed container; if that fails, once more, tolerantly, and take what could be saved."""
        saved, last_words = b"", ""
        if known in _DEMUXERS:
            saved, last_words, whole = await self._tried(place, source, {"f": _DEMUXERS[known]})
            if saved and whole:
                return saved
        more, more_words, _ = await self._tried(place, source, _TOLERANT)
        saved = max(saved, more, key=len)
        if not saved:
            raise DecodeFailed("the recording cannot be read", more_words or last_words)
        return saved

    async def _tried(self, place: Bench, source: str, how: Mapping[str, str]) -> tuple[bytes, str, bool]:
        """Decode once: give the PCM, ffmpeg's last words, and whether it was content."""
        target = "out.pcm"
        ended = await place.run(self._decoding(source, target, how))
        pcm = await place.get(target)
        return pcm[: len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES], ended.last_words, ended.status == 0

    def _decoding(self, source: str, target: str, how: Mapping[str, str]) -> Sequence[str]:
        seconds = self._max_seconds + _PAST_THE_LIMIT_SECONDS
        # The first sound track and nothing else, as bare samples: there is no header that a crash could leave wrong.
        graph = ffmpeg.input(f"file:{source}", protocol_whitelist="file", threads=self._threads, **how)["a:0"]
        graph = graph.output(
            f"file:{target}",
            vn=None,
            sn=None,
            dn=None,
            format="s16le",
            acodec="pcm_s16le",
            ar=WAV_RATE,
            ac=1,
            t=seconds,
            fs=round((seconds + _PAST_THE_LIMIT_SECONDS) * WAV_RATE) * SAMPLE_BYTES,  # where time stamps lie to -t
            **_BIT_EXACT,
        )
        return self._command(graph)

    def _encoding(self, sample_rate: int, target: str) -> Sequence[str]:
        graph = ffmpeg.input("pipe:0", format="s16le", ar=sample_rate, ac=1, protocol_whitelist="pipe")
        graph = graph.output(
            f"file:{target}",
            format="ipod",
            acodec="aac",
            aac_coder=_AAC_CODER,
            ac=1,
            threads=self._threads,
            movflags="+faststart",
            **{"b:a": _BIT_RATE},
            **_BIT_EXACT,
        )
        return self._command(graph)

    def _command(self, graph: ffmpeg.nodes.OutputStream) -> Sequence[str]:
        limits = ["-filter_threads", str(self._threads), "-max_alloc", str(_LARGEST_ALLOCATION_BYTES)]
        graph = graph.global_args("-hide_banner", "-nostdin", "-loglevel", "error", *limits)
        command: list[str] = graph.compile(cmd=self._program, overwrite_output=True)
        return command

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


def wav_clip(pcm: bytes, *, sample_rate: int) -> Clip:
    """Put a RIFF header of 44 bytes before mono s16le PCM; half a sample at the end is cut off."""
    size = len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES
    riff = (b"RIFF", _HEADER.size - 8 + size, b"WAVE")
    form = (b"fmt ", 16, _PCM, 1, sample_rate, sample_rate * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES)
    header = _HEADER.pack(*riff, *form, b"data", size)
    return Clip(header + memoryview(pcm)[:size], Format.WAV, size / (sample_rate * SAMPLE_BYTES))


def pcm_of(wav: Clip) -> bytes:
    """Give the samples of a WAV that decode() or wav_clip() made."""
    return wav.data[_HEADER.size :]


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
