"""PCM of synthesizers, checked and cut into whole samples."""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from providers.errors import BadAnswer, Rejected
from providers.wire.streams import guard_stalls, has_sound
from providers.wire.text import repair_surrogates

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

A = TypeVar("A", bound="HasHeaders")

LONGEST_BYTES: Final = 16 * 1024 * 1024
"""Most PCM of one text: five minutes at 24 kHz."""
_SAMPLE_BYTES: Final = 2
_SHORTEST_SECONDS: Final = 0.05  # shorter than any syllable
_NO_SOUND: Final = ("application/json", "text/")
# First bytes of containers and errors, which would play as noise.
_OTHERS: Final = (b"RIFF", b"OggS", b"fLaC", b"ID3", b"<htm", b"<!DO", b"<!do", b'{"er', b'{"de')
_FIRST_BYTES: Final = 4


def require_words(service: str, text: str) -> str:
    """Return a text as it can be sent. Raises Rejected if there are no words."""
    sendable = repair_surrogates(text)
    if not sendable.strip():
        raise Rejected(service, "nothing to say")
    return sendable


class HasHeaders(Protocol):
    """An answer that has begun; header names are in lower case, or of any case."""

    @property
    def headers(self) -> Mapping[str, str]: ...


async def streamed_pcm(
    request: AbstractAsyncContextManager[A],
    body: Callable[[A], AsyncIterator[bytes]],
    *,
    service: str,
    sample_rate: int,
    timeout_seconds: float,
) -> AsyncGenerator[bytes]:
    """Make a request, and pass its mono s16le PCM on in whole samples, dropping a last half one.

    Raises:
        Stalled: no sound for `timeout_seconds`.
        BadAnswer: another format, words, silence, a blip, or too long.
    """
    size, sounded = 0, False
    async with AsyncExitStack() as stack:
        answer = await stack.enter_async_context(request)
        if answer.headers.get("content-type", "").lower().startswith(_NO_SOUND):
            raise BadAnswer(service, "words, not sound")
        samples = _samples(service, body(answer))
        prompt = guard_stalls(samples, service=service, seconds=timeout_seconds, useful=has_sound)
        async for piece in await stack.enter_async_context(aclosing(prompt)):
            size, sounded = size + len(piece), sounded or has_sound(piece)
            if size > LONGEST_BYTES:
                raise BadAnswer(service, "endless")
            yield piece
        if not sounded or size < _SHORTEST_SECONDS * sample_rate * _SAMPLE_BYTES:
            raise BadAnswer(service, "no sound")


async def _samples(service: str, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    first, left = b"", b""
    async for piece in pieces:
        if len(first) < _FIRST_BYTES:
            first += piece[:_FIRST_BYTES]
            if first.startswith(_OTHERS):
                raise BadAnswer(service, "not bare PCM")
        joined = left + piece
        end = len(joined) // _SAMPLE_BYTES * _SAMPLE_BYTES
        left = joined[end:]
        if end:
            yield joined[:end]
