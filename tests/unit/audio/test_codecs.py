from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.codecs import codec
from audio.formats import Format, sniff
from tests.harness.paths import MEMOS


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("en-call-me.caf", "opus"),
        ("en-bread.opus", "opus"),
        ("fr-rappelle.webm", "opus"),
        ("en-weather.m4a", "aac"),
        ("en-home.flac", "flac"),
        ("en-thank-you.mp3", "mp3"),
        ("en-train.amr", "amr"),
        ("en-yes.wav", "pcm"),
        ("es-gracias.aiff", None),
    ],
)
def test_codec_is_read_off_the_header(name: str, expected: str | None) -> None:
    """Each memo tells what it is encoded with, where its header tells that."""
    data = (MEMOS / name).read_bytes()
    assert codec(data, sniff(data, filename=name)) == expected


def test_a_container_of_something_else() -> None:
    """CAF and Ogg carry more than Opus: their header counts, not their name."""
    assert codec(b"caff\0\1\0\0desc" + bytes(16) + b"lpcm", Format.CAF) == "pcm"
    assert codec(b"OggS" + bytes(24) + b"\x01vorbis", Format.OGG) == "vorbis"


@given(st.binary(max_size=64), st.sampled_from(Format))
def test_any_bytes_are_read(data: bytes, container: Format) -> None:
    """Whatever is kept, cut short or broken, its codec is a known word or none."""
    known = {None, "aac", "alac", "amr", "flac", "mp3", "opus", "pcm", "speex", "vorbis"}
    assert codec(data, container) in known
