"""What ffmpeg is told. ffmpeg-python composes the graph.

A recording is a stranger's file, so ffmpeg gets no protocol but that of its one source and of local files, no demuxer
but that of the container that was sniffed (at the second try, those of the containers that we know: no playlist, no
concatenation script), one thread, and a cap on what it allocates at once and on what it writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ffmpeg

from audio.formats import Format
from audio.wav import SAMPLE_BYTES, WAV_RATE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BIT_RATE = "64k"
_AAC_CODER = "fast"
"""Measured on 10 s of speech at 24 kHz, one core: 41 ms CPU, against 83 ms with ffmpeg's default ("twoloop")."""
_LARGEST_ALLOCATION_BYTES = 256 * 1024 * 1024
_PAST_THE_LIMIT_SECONDS = 1.0
"""So much more than the limit is decoded, that what is longer is noticed."""
DEMUXERS = {
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
"""By what ffmpeg reads a container."""
TOLERANT = {
    "format_whitelist": ",".join((*DEMUXERS.values(), "amrnb", "amrwb")),
    "fflags": "+discardcorrupt+genpts",
    "err_detect": "ignore_err",
}
"""How it reads what may be any of them, and damaged."""
_BIT_EXACT = {"map_metadata": -1, "fflags": "+bitexact", "flags": "+bitexact"}
"""The same sound gives the same file, and the file says of itself neither when nor by what it was made."""


def decoding(
    program: str, source: str, target: str, how: Mapping[str, str], *, threads: int, max_seconds: float
) -> Sequence[str]:
    """Compose a run that makes bare PCM at WAV_RATE of a recording.

    Args:
        program: ffmpeg.
        source: with its protocol, `file:` or `pipe:`; no other is open to it.
        target: a file's name.
        how: options of the input.
        threads: how many a decoder may use.
        max_seconds: so much is decoded, and a little more, in seconds of sound.
    """
    seconds = max_seconds + _PAST_THE_LIMIT_SECONDS
    protocol, _, _ = source.partition(":")
    # The first sound track and nothing else, as bare samples: there is no header that a crash could leave wrong.
    graph = ffmpeg.input(source, protocol_whitelist=protocol, threads=threads, **how)["a:0"]
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
    return _command(program, graph, threads)


def encoding(program: str, target: str, *, sample_rate: int, threads: int) -> Sequence[str]:
    """Compose a run that makes an M4A of mono s16le PCM, as it comes on standard input.

    Args:
        program: ffmpeg.
        target: a file's name.
        sample_rate: of the PCM, in Hz.
        threads: how many an encoder may use.
    """
    graph = ffmpeg.input("pipe:0", format="s16le", ar=sample_rate, ac=1, protocol_whitelist="pipe")
    graph = graph.output(
        f"file:{target}",
        format="ipod",
        acodec="aac",
        aac_coder=_AAC_CODER,
        ac=1,
        threads=threads,
        movflags="+faststart",
        **{"b:a": _BIT_RATE},
        **_BIT_EXACT,
    )
    return _command(program, graph, threads)


def _command(program: str, graph: ffmpeg.nodes.OutputStream, threads: int) -> Sequence[str]:
    limits = ["-filter_threads", str(threads), "-max_alloc", str(_LARGEST_ALLOCATION_BYTES)]
    graph = graph.global_args("-hide_banner", "-nostdin", "-loglevel", "error", *limits)
    command: list[str] = graph.compile(cmd=program, overwrite_output=True)
    return command
