from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.errors import UnknownFormat
from audio.formats import Format, by_magic, by_mime_type, by_name, sniff
from tests.unit.audio.recordings import CONTAINERS, memo, recording

ADTS = b"\xff\xf1\x60\x40\x01\x1f\xfc\x00"  # one frame, 8 bytes long
MPEG = b"\xff\xf3\x18\xc4" + bytes(32)  # one frame of layer III, 8 kbit/s at 16 kHz, 36 bytes long


@pytest.mark.parametrize("name", CONTAINERS)
def test_real_files_are_known_by_their_bytes(name: str) -> None:
    """What ffmpeg writes is known, whatever the file is called and whatever MIME type it comes with."""
    found = sniff(recording(name), filename="wrong.webm", mime_type="video/webm")
    assert found is CONTAINERS[name][0]


def test_an_iphone_s_memo_is_caf() -> None:
    """An iPhone's recording is known without a name and without a MIME type."""
    assert sniff(memo()) is Format.CAF


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"OggS\x00\x02", Format.OGG),
        (b"caff\x00\x01", Format.CAF),
        (b"\x00\x00\x00\x20ftypM4A ", Format.M4A),
        (b"\n\n\n\nftyp", Format.M4A),
        (b"RIFF\x00\n\x00\x00WAVEfmt ", Format.WAV),
        (b"FORM\n\x00\x00\x00AIFF", Format.AIFF),
        (b"FORM\x00\x00\x00\x00AIFC", Format.AIFF),
        (b"#!AMR\n", Format.AMR),
        (b"#!AMR-WB\n", Format.AMR),
        (b"fLaC\x00", Format.FLAC),
        (b"\x1a\x45\xdf\xa3\x9f", Format.WEBM),
        (b"ID3\x03\x00\x00\x00\x00\x00\x02xx" + MPEG, Format.MP3),
        (b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128) + ADTS, Format.AAC),
        (b"ID3\x04\x00\x00\x00\x00\x00\x02xxfLaC", Format.FLAC),
        (b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f", Format.MP3),
        (MPEG, Format.MP3),
        (MPEG[:4], Format.MP3),
        (MPEG * 3, Format.MP3),
        (ADTS, Format.AAC),
        (ADTS[:7], Format.AAC),
        (b"\xff\xf9" + ADTS[2:], Format.AAC),
        (b"\xff\xf0" + ADTS[2:], Format.AAC),
        (ADTS * 3, Format.AAC),
    ],
)
def test_first_bytes(head: bytes, expected: Format) -> None:
    """Each container's first bytes tell it, to by_magic as to sniff."""
    assert by_magic(head) is expected
    assert sniff(head) is expected


@pytest.mark.parametrize(
    "head",
    [
        b"RIFF\x00\x00\x00\x00AVI LIST",
        b"FORM\x00\x00\x00\x008SVX",
        b"OggX",
        b" OggS",
        b"ftypM4A ",
        b"ID3\x05\x00\x00\x00\x00\x00\x00",
        b"ID3\x04\x00\x00\x00\x00\x00\x80",
        b"\xff",
        b"\xff\xfb\x90",
        b"\xff\xd8\xff\xe0\x00\x10JFIF",
        b"\xff\xfe\x41\x00\x42\x00\x43\x00",
        b"\xff\xfb\x00\x00",
        b"\xff\xfb\xf0\x00",
        b"\xff\xfb\x9c\x00",
        b"\xff\xfb\x90\x02",
        b"\xff\xef\x90\x00",
        b"\xff\xf1\x7c\x40\x01\x1f\xfc",
        b"\xff\xf1\x60\x40\x00\x1f\xfc",
        MPEG + b"What follows is no frame.",
        ADTS + b"What follows is no frame.",
        MPEG * 2 + b"Nor is it here.",
        b"#EXTM3U\nhttp://example.com/a.ts",
        b"ffconcat version 1.0\nfile 'a.wav'\n",
    ],
)
def test_other_bytes_are_unknown(head: bytes) -> None:
    """Pictures, text, other RIFF files, and set bits that are no frame or are followed by none, are not sound."""
    with pytest.raises(UnknownFormat):
        sniff(head)


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("Audio Message.caf", Format.CAF),
        ("MEMO.OPUS", Format.OGG),
        ("a.b.m4a", Format.M4A),
        ("/media/voice.3GPP", Format.M4A),
        ("voice.awb", Format.AMR),
        ("voice.weba", Format.WEBM),
        ("memo", None),
        (".caf", None),
        ("memo.caf.txt", None),
        ("", None),
        (None, None),
    ],
)
def test_names(filename: str | None, expected: Format | None) -> None:
    """A known suffix names the container, in any case; no suffix, or an unknown one, says nothing."""
    assert by_name(filename) is expected


@pytest.mark.parametrize(
    ("mime_type", "expected"),
    [
        ("audio/ogg; codecs=opus", Format.OGG),
        ('audio/ogg;codecs="opus"', Format.OGG),
        ("audio/opus", Format.OGG),
        ("application/ogg", Format.OGG),
        ("audio/x-caf", Format.CAF),
        ("audio/caf", Format.CAF),
        ("audio/m4a", Format.M4A),
        ("audio/x-m4a", Format.M4A),
        (" Audio/MP4 ", Format.M4A),
        ("video/mp4", Format.M4A),
        ("audio/3gpp; charset=binary", Format.M4A),
        ("audio/mpeg", Format.MP3),
        ("audio/x-mp3", Format.MP3),
        ("audio/vnd.wave", Format.WAV),
        ("audio/x-pn-wav", Format.WAV),
        ("audio/x-aiff", Format.AIFF),
        ("audio/AMR", Format.AMR),
        ("audio/amr-wb", Format.AMR),
        ("audio/x-flac", Format.FLAC),
        ("audio/webm;codecs=opus", Format.WEBM),
        ("audio/x-hx-aac-adts", Format.AAC),
        ("application/octet-stream", None),
        ("application/mp4", None),
        ("text/ogg", None),
        ("audio/", None),
        ("audio/midi", None),
        ("; audio/ogg", None),
        ("", None),
        (None, None),
    ],
)
def test_mime_types(mime_type: str | None, expected: Format | None) -> None:
    """A MIME type is read in all its spellings; application/octet-stream says nothing."""
    assert by_mime_type(mime_type) is expected


def test_each_format_is_found_by_what_we_write() -> None:
    """The suffix and the MIME type that we give a container lead back to it, except for the unknown one."""
    for known in set(Format) - {Format.UNKNOWN}:
        assert by_name(f"memo{known.suffix}") is known
        assert by_mime_type(known.mime_type) is known


def test_the_name_says_more_than_the_mime_type() -> None:
    """Where the bytes say nothing the suffix counts before the MIME type, and that before giving up."""
    assert sniff(b"?", filename="memo.amr", mime_type="audio/mpeg") is Format.AMR
    assert sniff(b"?", filename="memo.bin", mime_type="audio/mpeg") is Format.MP3
    with pytest.raises(UnknownFormat):
        sniff(b"?", filename="memo.bin", mime_type="application/octet-stream")


def test_no_bytes_are_no_sound() -> None:
    """Nothing at all is unknown, whatever it is called."""
    with pytest.raises(UnknownFormat):
        sniff(b"", filename="memo.caf", mime_type="audio/x-caf")


heads = st.sampled_from([b"", b"ID3\x04\x00\x00\x00\x00\x00\x01", b"\xff\xf1", b"\xff\xfb", b"RIFF", ADTS, MPEG])


@given(head=heads, rest=st.binary(max_size=200), name=st.none() | st.text(), mime_type=st.none() | st.text())
def test_any_bytes_are_judged(head: bytes, rest: bytes, name: str | None, mime_type: str | None) -> None:
    """Whatever comes either is a container that we know or is said to be unknown; nothing else is raised."""
    try:
        found = sniff(head + rest, filename=name, mime_type=mime_type)
    except UnknownFormat:
        assert by_magic(head + rest) is None
    else:
        assert found is not Format.UNKNOWN
        assert by_magic(head + rest) in {None, found}


@given(st.binary(min_size=2048, max_size=2048))
def test_random_bytes_behind_a_sync_word_are_no_frames(rest: bytes) -> None:
    """Set bits alone make no sound file: further frames would have to follow where the first one ends."""
    assert by_magic(b"\xff\xfb\x90\x00" + rest) is None
