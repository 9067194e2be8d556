"""The codec inside a container, read from its header, as metadata of archived recordings."""

from __future__ import annotations

from audio.formats import Format

_BY_CONTAINER = {
    Format.AAC: "aac",
    Format.AMR: "amr",
    Format.FLAC: "flac",
    Format.MP3: "mp3",
    Format.WAV: "pcm",
}
# In the first packet (RFC 7845 section 5.1 and its like), or as the track's codec.
_BY_MARK = {
    Format.OGG: {b"OpusHead": "opus", b"\x01vorbis": "vorbis", b"Speex   ": "speex", b"\x7fFLAC": "flac"},
    Format.WEBM: {b"A_OPUS": "opus", b"A_VORBIS": "vorbis"},
}
_BY_CODE = {
    b"opus": "opus",
    b"Opus": "opus",
    b"mp4a": "aac",
    b"aac ": "aac",
    b"alac": "alac",
    b"lpcm": "pcm",
    b"samr": "amr",
    b"sawb": "amr",
}
_HEADER_BYTES = 4096
_CAF_CODE_AT = 28  # of the format code in CAF: the description is the first chunk, and begins with the sample rate
_SAMPLE_ENTRY_AT = 16  # of the first sample entry's code in MP4, from `stsd` (ISO/IEC 14496-12, 8.5.2)


def codec(data: bytes, container: Format) -> str | None:
    """Return the codec's name; None if unknown."""
    if container is Format.CAF:
        return _BY_CODE.get(data[_CAF_CODE_AT : _CAF_CODE_AT + 4])
    if container is Format.M4A:
        entries = data.find(b"stsd")
        code = data[entries + _SAMPLE_ENTRY_AT : entries + _SAMPLE_ENTRY_AT + 4]
        return _BY_CODE.get(code) if entries >= 0 else None
    header = data[:_HEADER_BYTES]
    marked = (name for mark, name in _BY_MARK.get(container, {}).items() if mark in header)
    return _BY_CONTAINER.get(container) or next(marked, None)
