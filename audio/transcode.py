"""Any container → 16 kHz mono WAV; a PCM stream → M4A. ffmpeg as a bounded subprocess.

ffmpeg-python composes the graph, asyncio runs it: standard input closed or fed by us, no protocol but local files and
pipes, one thread, a deadline, a cap on what comes out. Temporary files live in a private folder that is gone
afterwards, and the process is killed and reaped on every path.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import wave
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import ffmpeg
import imageio_ffmpeg

from audio.clip import Clip
from audio.errors import DecodeFailed, EncodeFailed, TooLong, TranscodeError, TranscodeTimeout
from audio.formats import Format

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence

WAV_RATE = 16_000
"""Of the WAV that is listened to, in Hz."""
SAMPLE_BYTES = 2
_BIT_RATE = "64k"
_AAC_CODER = "fast"
"""About a quarter of the CPU of the default coder ("twoloop"); see docs/performance.md."""
_HEADER_BYTES = 44
_LAST_WORDS = 300
_STDERR_BYTES = 64 * 1024
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
    "format_whitelist": "ogg,caf,mov,mp3,wav,aiff,amr,amrnb,amrwb,flac,matroska,aac",
    "fflags": "+discardcorrupt+genpts",
    "err_detect": "ignore_err",
}


@dataclass(frozen=True, slots=True)
class _Run:
    """What a finished ffmpeg left behind."""

    status: int
    last_words: str


class Transcoder:
    """Decodes and encodes.

    Args:
        program: the ffmpeg to run; the one in imageio-ffmpeg's wheel when None.
        deadline_seconds: for one decode or encode, in seconds.
        max_seconds: the longest recording that is decoded, in seconds of sound.
        processes: how many ffmpeg may run at once; the number of cores when None.
    """

    def __init__(
        self,
        program: str | None = None,
        *,
        deadline_seconds: float = 30.0,
        max_seconds: float = 1800.0,
        processes: int | None = None,
    ) -> None:
        self._program = program or imageio_ffmpeg.get_ffmpeg_exe()
        self._deadline_seconds = deadline_seconds
        self._max_seconds = max_seconds
        self._slots = asyncio.Semaphore(processes or os.cpu_count() or 1)

    async def decode(self, clip: Clip) -> Clip:
        """Make a WAV of any recording: 16 kHz, mono, signed 16 bit.

        Raises:
            DecodeFailed: it cannot be read, not even in part.
            TooLong: it plays longer than max_seconds.
            TranscodeTimeout: ffmpeg did not end in time.
        """
        async with self._folder() as folder:
            source = folder / f"in{clip.format.suffix}"
            await asyncio.to_thread(source.write_bytes, clip.data)
            wav = await self._decoded(source, clip.format, folder / "out.wav")
        seconds = (len(wav) - _HEADER_BYTES) / (WAV_RATE * SAMPLE_BYTES)
        if seconds > self._max_seconds:
            raise TooLong(f"longer than {self._max_seconds:.0f} s")
        return Clip(wav, Format.WAV, seconds)

    async def encode(self, pcm: AsyncIterable[bytes], *, sample_rate: int) -> Clip:
        """Make an M4A (AAC-LC, 64 kbit/s, mono, index at the front) of a stream of mono s16le PCM, as it comes.

        An exception of the stream passes through.

        Raises:
            EncodeFailed: ffmpeg refused, or there was no sound.
            TranscodeTimeout: ffmpeg did not end in time after the last PCM.
        """
        async with self._folder() as folder:
            target = folder / "out.m4a"
            written = await self._encoded(pcm, sample_rate, target)
            data = await asyncio.to_thread(target.read_bytes)
        return Clip(data, Format.M4A, written / (sample_rate * SAMPLE_BYTES))

    async def wav(self, pcm: AsyncIterable[bytes], *, sample_rate: int) -> Clip:
        """Make a WAV of a stream of mono s16le PCM, without ffmpeg: for when it fails.

        Raises:
            EncodeFailed: there was no sound, or more than max_seconds of it.
        """
        pieces, size = [], 0
        async for piece in pcm:
            size += len(piece)
            if size > self._max_seconds * sample_rate * SAMPLE_BYTES:
                raise EncodeFailed("more sound than a memo may have")
            pieces.append(piece)
        if not size:
            raise EncodeFailed("no sound")
        return wav_clip(b"".join(pieces), sample_rate=sample_rate)

    async def version(self) -> str:
        """Say which ffmpeg this is: the first line of `ffmpeg -version`. Raises TranscodeError."""
        try:
            process = await asyncio.create_subprocess_exec(
                self._program, "-version", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
            )
        except OSError as error:
            raise TranscodeError(f"ffmpeg cannot be started: {error.strerror}") from error
        out, _ = await process.communicate()
        return out.decode(errors="replace").partition("\n")[0]

    async def _decoded(self, source: Path, known: Format, target: Path) -> bytes:
        """Decode by the sniffed container; if that fails, once more, tolerantly, salvaging what can be."""
        first = await self._run(
            self._decode_command(source, target, {"f": _DEMUXERS[known]} if known in _DEMUXERS else {})
        )
        wav = await asyncio.to_thread(_read, target)
        if first.status == 0 and len(wav) > _HEADER_BYTES:
            return wav
        second = await self._run(self._decode_command(source, target, _TOLERANT))
        wav = await asyncio.to_thread(_read, target)
        if len(wav) > _HEADER_BYTES:
            return wav
        raise DecodeFailed("the recording cannot be read", second.last_words or first.last_words)

    def _decode_command(self, source: Path, target: Path, how: dict[str, str]) -> Sequence[str]:
        graph = ffmpeg.input(str(source), protocol_whitelist="file", threads=1, **how)
        graph = graph.audio.output(
            str(target),
            format="wav",
            acodec="pcm_s16le",
            ar=WAV_RATE,
            ac=1,
            t=self._max_seconds + 1,  # one second more, to notice what is longer
            map_metadata=-1,
            fflags="+bitexact",
            flags="+bitexact",
        )
        return self._command(graph)

    async def _encoded(self, pcm: AsyncIterable[bytes], sample_rate: int, target: Path) -> int:
        graph = ffmpeg.input("pipe:0", format="s16le", ar=sample_rate, ac=1, protocol_whitelist="pipe,file", threads=1)
        graph = graph.output(
            str(target),
            format="ipod",
            acodec="aac",
            aac_coder=_AAC_CODER,
            ac=1,
            movflags="+faststart",
            map_metadata=-1,
            fflags="+bitexact",
            flags="+bitexact",
            **{"b:a": _BIT_RATE},
        )
        written = 0

        async def feed(stdin: asyncio.StreamWriter) -> None:
            nonlocal written
            async for piece in pcm:
                written += len(piece)
                stdin.write(piece)
                with suppress(BrokenPipeError, ConnectionResetError):  # its exit status says more
                    await stdin.drain()

        ended = await self._run(self._command(graph), feed)
        if ended.status != 0:
            raise EncodeFailed("ffmpeg refused", ended.last_words)
        if not written:
            raise EncodeFailed("no sound")
        return written

    def _command(self, graph: ffmpeg.nodes.OutputStream) -> Sequence[str]:
        command: list[str] = graph.global_args("-hide_banner", "-nostdin", "-loglevel", "error").compile(
            cmd=self._program, overwrite_output=True
        )
        return command

    async def _run(
        self, command: Sequence[str], feed: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None
    ) -> _Run:
        async with self._slots:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE if feed else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                return await self._attended(process, feed)
            finally:
                await _ended(process)

    async def _attended(
        self, process: asyncio.subprocess.Process, feed: Callable[[asyncio.StreamWriter], Awaitable[None]] | None
    ) -> _Run:
        """Feed it, read what it says, and see it end. The deadline runs from the last byte that we gave."""
        said = asyncio.create_task(_read_bounded(process.stderr))
        try:
            if feed is not None and process.stdin is not None:
                await feed(process.stdin)
                process.stdin.close()
            async with asyncio.timeout(self._deadline_seconds):
                status = await process.wait()
                return _Run(status, _last_words(await said))
        except TimeoutError as late:
            if process.returncode is None:
                raise TranscodeTimeout(f"no end within {self._deadline_seconds:g} s") from late
            raise
        finally:
            said.cancel()
            await asyncio.gather(said, return_exceptions=True)

    @asynccontextmanager
    async def _folder(self) -> AsyncIterator[Path]:
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="voicememo-"))
        try:
            yield folder
        finally:
            # At once, not in a thread: a thread's end could not be awaited by a task that is being cancelled.
            shutil.rmtree(folder, ignore_errors=True)


def wav_clip(pcm: bytes, *, sample_rate: int) -> Clip:
    """Put a RIFF header before mono s16le PCM."""
    file = BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, SAMPLE_BYTES, sample_rate, 0, "NONE", "not compressed"))
        writer.writeframes(pcm)
    return Clip(file.getvalue(), Format.WAV, len(pcm) / (sample_rate * SAMPLE_BYTES))


def pcm_of(wav: Clip) -> bytes:
    """Give the samples of a WAV that decode() or wav_clip() made."""
    return wav.data[_HEADER_BYTES:]


async def _read_bounded(stderr: asyncio.StreamReader | None) -> bytes:
    """Read to the end, keeping the end only."""
    kept = b""
    while stderr is not None and (piece := await stderr.read(_STDERR_BYTES)):
        kept = (kept + piece)[-_STDERR_BYTES:]
    return kept


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Kill what still runs, and reap it; shielded, so that a second cancellation leaves no zombie."""
    if process.stdin is not None:
        process.stdin.close()
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(asyncio.ensure_future(process.wait()))


def _last_words(said: bytes) -> str:
    """Give the end of what ffmpeg said, on one line, without the names of our temporary files."""
    words = " ".join(said.decode(errors="replace").split())
    for folder in {part for part in words.replace("'", " ").split() if part.startswith("/")}:
        words = words.replace(folder, "…")
    return words[-_LAST_WORDS:]


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
