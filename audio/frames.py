"""Detects audio without magic bytes by its frames: ADTS AAC and MPEG audio."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_FRAMES = 3  # in a row are proof enough

_ADTS_HEADER_BYTES = 7
_ADTS_RATES = 13
_MPEG_HEADER_BYTES = 4
_FREE, _BAD = 0, 15
_MPEG_RATES = {  # version → Hz by index
    0: (11_025, 12_000, 8_000),  # MPEG 2.5
    2: (22_050, 24_000, 16_000),  # MPEG 2
    3: (44_100, 48_000, 32_000),  # MPEG 1
}
_LAYER_III, _LAYER_II = 1, 2
_MPEG_1 = 3
_KBITS_1_III = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_1_II = (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_KBITS_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RESERVED_EMPHASIS = 2


def is_adts(data: bytes, at: int = 0) -> bool:
    """Return whether ADTS AAC begins here."""
    return _is_row(data, at, _ADTS_HEADER_BYTES, _adts_frame)


def is_mpeg(data: bytes, at: int = 0) -> bool:
    """Return whether MPEG audio, layer II or III, begins here."""
    return _is_row(data, at, _MPEG_HEADER_BYTES, _mpeg_frame)


def _is_row(data: bytes, at: int, header_bytes: int, frame: Callable[[bytes], int | None]) -> bool:
    # Eleven set bits begin a frame, which is common in random bytes: the next one must begin where the header says.
    for count in range(_FRAMES):
        header = data[at : at + header_bytes]
        if len(header) < header_bytes:
            return count > 0
        length = frame(header)
        if length is None:
            return False
        at += length
    return True


def _adts_frame(header: bytes) -> int | None:
    """Return a frame's length in bytes (ISO/IEC 14496-3, 1.A.2.2)."""
    if header[0] != 0xFF or header[1] & 0xF6 != 0xF0:  # noqa: PLR2004 (the sync word, and layer 0)
        return None
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    known_rate = header[2] >> 2 & 0xF < _ADTS_RATES
    return length if known_rate and length > _ADTS_HEADER_BYTES else None


def _mpeg_frame(header: bytes) -> int | None:
    """Return a frame's length in bytes (ISO/IEC 11172-3, 2.4.2.3; 13818-3)."""
    if header[0] != 0xFF or header[1] & 0xE0 != 0xE0:  # noqa: PLR2004 (the sync word)
        return None
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bits, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    rates = _MPEG_RATES.get(version, ())
    if layer not in {_LAYER_III, _LAYER_II} or bits in {_FREE, _BAD} or rate >= len(rates):
        return None
    if header[3] & 3 == _RESERVED_EMPHASIS:
        return None
    kbits = _KBITS_2 if version != _MPEG_1 else _KBITS_1_III if layer == _LAYER_III else _KBITS_1_II
    samples = 576 if layer == _LAYER_III and version != _MPEG_1 else 1152
    return samples // 8 * kbits[bits - 1] * 1000 // rates[rate] + padding
