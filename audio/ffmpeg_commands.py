"""ffmpeg's command lines.

A recording is a stranger's file: protocol and demuxer are pinned (no playlist, no concatenation script); threads,
allocations and output are bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ffmpeg

from audio.clip import SAMPLE_BYTES, WAV_RATE
from audio.formats import Format

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BIT_RATE = "64k"
_AAC_CODER = "fast"  # 41 ms of CPU for 10 s of speech at 24 kHz on one core; ffmpeg's default ("twoloop") takes 83 ms
_LARGEST_ALLOCATION_BYTES = 256 * 1024 * 1024
_PAST_THE_LIMIT_SECONDS = 1.0  # decoded beyond the limit, so that a longer recording is noticed
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
TOLERANT = {
    "format_whitelist": ",".join((*DEMUXERS.values(), "amrnb", "amrwb")),
    "fflags": "+discardcorrupt+genpts",
    "err_detect": "ignore_err",
}
"""Input options for a damaged recording in any known container."""
# No time, no program's name: the same sound gives the same file.
_BIT_EXACT = {"map_metadata": -1, "fflags": "+bitexact", "flags": "+bitexact"}


def decoding(
    program: str, source: str, target: str, how: Mapping[str, str], *, threads: int, max_seconds: float
) -> Sequence[str]:
    """Return the command that decodes `source` (`file:` or `pipe:`, the only protocol allowed) to PCM at WAV_RATE."""
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
    """Return the command that encodes mono s16le PCM on standard input to M4A."""
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
