"""Sound on the wire: recordings in forms, and speech as PCM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.pace import Speeds

PIECE_BYTES = 8 * 1024 + 1
"""Odd on purpose: the network cuts samples in half."""


def uploaded(form: Mapping[str, object]) -> bytes:
    """Return the field `file` of a form; nothing if there is none."""
    file = form.get("file")
    return file.file.read() if isinstance(file, web.FileField) else b""


async def stream_pcm(
    request: web.Request, pcm: bytes, pace: Speeds, *, sample_rate: int, content_type: str, announced: bool = False
) -> web.StreamResponse:
    """Answer with speech at its pace; with its length, if `announced`."""
    response = web.StreamResponse(headers={"Content-Type": content_type})
    if announced:
        response.content_length = len(pcm)
    await response.prepare(request)
    async for piece in pace.pace_audio(request, pcm, sample_rate=sample_rate, piece_bytes=PIECE_BYTES):
        await response.write(piece)
    await response.write_eof()
    return response
